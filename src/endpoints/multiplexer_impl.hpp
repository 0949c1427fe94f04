// SPDX-License-Identifier: Apache-2.0
#pragma once
// The state of a multiplexer and the way of a request through it. All of it on the executor;
// nothing here is thread-safe but the ends of PieceQueue. Private.

#include <boost/asio/steady_timer.hpp>
#include <list>
#include <map>
#include <set>

#include "accel/core/async/task_group.hpp"
#include "accel/core/trace.hpp"
#include "attempt.hpp"
#include "policy/retries.hpp"

namespace accel::endpoints {

// A request from its question to its end.
struct Call {
  Question question;
  SteadyTime began{}, deadline{};
  std::stop_token stop;
  trace::LinkPtr trace;  // What the question is a part of; null: nobody traces it.
  PieceQueue queue;
  // What was found out on the way.
  std::set<const Member*> tried, useless;
  std::size_t attempts = 0;
  std::size_t misses = 0;  // Of these, endpoints that have not what is asked for.
  bool hedged = false;
  std::optional<Error> last_error;
  std::map<std::string, std::string> reasons;  // What each endpoint said last, by its name.
};

// Ends the caller's wait even when the task never took its first step.
class EndGuard {
 public:
  explicit EndGuard(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  EndGuard(EndGuard&&) = default;
  ~EndGuard() {
    if (call_) call_->queue.finish(fail(Errc::cancelled, "The endpoints are shutting down."));
  }
  Call& operator*() const { return *call_; }

 private:
  std::shared_ptr<Call> call_;  // Owners: this and the caller.
};

// Attempts for one call that run side by side; whoever speaks first is listened to.
struct Race {
  Race(Call& asked, const Executor& executor) : call(asked), changed(executor) {}
  void hear(Attempt& one);

  Call& call;
  asio::steady_timer changed;  // Cancelled when something happened.
  std::vector<std::unique_ptr<Attempt>> attempts;
  Attempt* speaker = nullptr;
};

class Multiplexer::Impl {
 public:
  Impl(Executor on, Seams given, MultiplexerOptions chosen)
      : executor(std::move(on)),
        seams(given),
        options(std::move(chosen)),
        calls(executor, "endpoints") {}

  void set(std::vector<Endpoint> endpoints);
  std::vector<EndpointStats> stats() const;
  static Task<void> run_call(Impl* impl, EndGuard guard);

  Executor executor;
  Seams seams;
  MultiplexerOptions options;

 private:
  using Members = std::vector<std::shared_ptr<Member>>;

  // routing.cpp: who is asked.
  std::shared_ptr<Member> make_member(Endpoint endpoint) const;
  // Without those that have shown to be useless, perhaps nobody then.
  Result<Members> serving(const Call& call) const;
  std::vector<Candidate> candidates(const Members& members, const Call& call) const;
  std::unique_ptr<Place> take_place(const Members& members, const Call& call);
  Result<SteadyTime> wait_until(const Members& members, SteadyTime limit) const;
  Task<std::unique_ptr<Place>> place_for(Call& call);
  Task<void> pause(SteadyTime until, std::stop_token stop, bool for_place);
  void look_again();

  // asking.cpp: what is asked, and what comes of it.
  Task<Reply> answer(Call& call);
  Task<bool> goes_on(Call& call, const Attempt& last);
  static void note_failure(Call& call, const Attempt& attempt);
  static Error all_reasons(const Call& call);
  Result<Reply> reply_of(const Call& call, Attempt& one) const;
  Task<void> run(Race& race);
  Task<void> run_hedged(Race& race, Duration usual);
  Task<void> attempt(Race& race, Attempt& one);
  Task<void> exchange(Race& race, Attempt& one, PreparedCall call);
  Status take(Race& race, Attempt& one, std::string_view bytes);
  Verdict judge(Race& race, Attempt& one, const Result<net::HttpReply>& reply,
                std::string_view key);
  void note(const Race& race, const Attempt& one) const;

  Members members_;
  RetryBudget budget_;
  std::list<std::shared_ptr<asio::steady_timer>> waiting_;  // Owners: this, and who waits.

 public:
  TaskGroup calls;  // Its tasks refer to all above.
};

}  // namespace accel::endpoints
