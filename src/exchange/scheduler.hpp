// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decides which source is asked for which block, and when: step(event, now) -> actions. It does no
// I/O, reads no clock and draws no random numbers, so every situation can be written as a script.
// The shell (pull_session.hpp) performs the actions and reports what came of them.
//
// What it promises: a want is asked for once, but again elsewhere when its source fails, lies,
// hangs or would be last by far; bytes in flight stay within the limit and, per source, within the
// window of SourceMeter; a source that brings false bytes is never asked again; an error names
// every source with its reason. Used by the shell and the simulation. Not thread-safe: one strand.

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "download_budget.hpp"
#include "rate_budget.hpp"
#include "scheduler_types.hpp"
#include "source_meter.hpp"

namespace accel::exchange {

class Scheduler {
 public:
  // share: this pull's part of what all pulls may take, which outlives it; null: there is no other.
  explicit Scheduler(SchedulerLimits limits = {}, DownloadBudget::Share* share = nullptr)
      : limits_(limits), budget_(limits.max_bytes_per_second), share_(share) {}

  // Actions are to be performed in order. Events of requests that were cancelled or have ended are
  // ignored, as is everything after Finished or GaveUp.
  std::vector<Action> step(const SchedulerEvent& event, SteadyTime now);

  std::vector<SourceStats> sources() const;
  WasteStats waste() const { return waste_; }
  std::uint64_t in_flight_bytes() const { return in_flight_bytes_; }

 private:
  // Why a want is not (or no longer) asked for at a source.
  struct Trouble {
    SourceId source = 0;
    bool missing = false;
    std::uint32_t failures = 0;
    Errc code = Errc::unavailable;  // Of the last failure, as is the reason.
    std::string reason;
  };
  struct WantState {
    Want want;
    std::vector<RequestId> requests;  // One, or two while the second rescues the first.
    std::vector<Trouble> troubles;
    std::uint32_t steals = 0;
    bool is_guess = false;  // want.bytes is not known: learned_bytes_ stands for it.
  };
  struct Request {
    SourceId source = 0;
    WantId want = 0;
    std::uint64_t reserved = 0;  // Counted in in_flight_bytes until the block is verified.
    std::uint64_t received = 0;
    SourceMeter::Mark mark;
    SteadyTime last_bytes;  // Or when it was sent.
    bool arrived = false;   // In verification: the source has done its part.
  };
  struct Source {
    SourceStats stats;
    SourceMeter meter;
    std::uint64_t outstanding_bytes = 0;  // Asked for, not received yet: what the window bounds.
    std::uint32_t in_flight_requests = 0;
    std::uint32_t unverified = 0;  // Blocks that came and are being hashed.
    std::uint32_t max_requests = 0;
    std::uint32_t strikes = 0;  // Weighted failures in a row.
    std::uint32_t misses_in_row = 0;
    double failure_share = 0;  // Of its requests, smoothed.
    SteadyTime retry_at;       // Backing off until then.
    SteadyTime last_failure;   // Failures of requests sent before it count no second time.
    SteadyTime last_heard;
  };

  // Events.
  void on(const SourceAdded& event);
  void on(const SourcesExpected& event);
  void on(const WantsAdded& event);
  void on(const NoMoreWants& event);
  void on(const BytesArrived& event);
  void on(const BlockArrived& event);
  void on(const BlockVerified& event);
  void on(const BlockRejected& event);
  void on(const RequestFailed& event);
  void on(const Tick& event);

  // Assignment: the next want goes to the source that would finish it first.
  void assign();
  std::optional<std::pair<SourceId, WantId>> next_assignment();
  std::optional<WantId> first_pending_for(SourceId id) const;
  bool ready(const Source& source) const;
  Duration patience(const Source& source) const;  // Silence beyond this is remarkable.
  bool silent(const Source& source) const;
  bool has_room(const Source& source, std::uint64_t bytes) const;
  bool would_be_last_by_far(SourceId id, std::uint64_t bytes) const;
  double seconds_to_finish(const Source& source, std::uint64_t bytes) const;
  double score(const Source& source, std::uint64_t bytes) const;
  std::uint64_t bytes_of(const WantState& state) const;
  double pending_bytes() const;
  void learn(WantState& state, std::uint64_t bytes);
  void start(SourceId source, WantId want);

  // Rescue of the last blocks in flight (rescue.cpp).
  void rescue();
  bool rescue_with(SourceId helper);
  std::optional<RequestId> silent_request(SourceId helper) const;
  std::optional<RequestId> late_request(SourceId helper) const;
  bool may_help(SourceId helper, const Request& request) const;

  // Ends of requests. end() forgets the request; requeue() makes its want pending again.
  void settle(Request& request);  // It takes nothing more from its source.
  void correct_budgets(std::uint64_t reserved, std::uint64_t received);
  Request end(RequestId id);
  void requeue(WantId id);
  void cancel(RequestId id);
  void check_stalls();
  void fail_source(SourceId id, const Error& error, SteadyTime sent_at);
  void lose_source(SourceId id, Errc code, std::string reason);
  void give_up_stranded();
  Trouble& trouble(WantState& state, SourceId source);
  bool excluded(const WantState& state, SourceId source) const;
  bool stranded(const WantState& state) const;
  void give_up(const WantState& state);
  std::string why_not(const WantState& state, SourceId id, Error& error) const;
  void finish_if_done();

  SchedulerLimits limits_;
  RateBudget budget_;
  DownloadBudget::Share* share_;
  SteadyTime now_;
  std::vector<Action> actions_;
  std::vector<Source> sources_;
  std::vector<Errc> lost_codes_;  // By SourceId; internal while the source is not lost.
  std::unordered_map<WantId, WantState> wants_;         // Only those that are not done.
  std::set<std::pair<std::uint64_t, WantId>> pending_;  // (order, id) of wants without a request.
  std::map<RequestId, Request> requests_;
  WantId next_want_ = 0;
  RequestId next_request_ = 0;
  std::uint64_t in_flight_bytes_ = 0;  // Reserved by requests, verification included.
  std::uint64_t verifying_bytes_ = 0;  // Of those, arrived.
  std::uint64_t pending_bytes_ = 0;    // Of wants whose size is known.
  std::uint64_t pending_guesses_ = 0;  // Wants whose size is not.
  double learned_bytes_ = 0;           // Mean size of blocks whose size nobody knew; 0: none came.
  std::uint64_t wanted_bytes_ = 0;     // Of all wants ever added: the base of the duplicate budget.
  WasteStats waste_;
  bool no_more_wants_ = false;
  bool sources_expected_ = false;
  bool over_ = false;
};

}  // namespace accel::exchange
