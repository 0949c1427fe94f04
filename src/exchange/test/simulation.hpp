// SPDX-License-Identifier: Apache-2.0
#pragma once
// A simulated network around the scheduler: sources with a rate, a round trip, loss, stalls, holes,
// lies, deaths, partitions and late arrivals, all from a seed. What is modelled: a gateway or a
// file host shares its rate equally among its open requests and reports bytes as they come; a peer
// answers one request after the other and says only that it is at work until a block is whole;
// each answers after its round trip and a jitter. Verification takes no time.

#include <algorithm>
#include <map>
#include <set>

#include "accel/core/random.hpp"
#include "accel/exchange/source_figures.hpp"
#include "scheduler.hpp"
#include "scheduler_script.hpp"

namespace accel::exchange::testing {

struct SimulatedSource {
  double bytes_per_second = 1e7;
  Duration round_trip = std::chrono::milliseconds(10);
  double loss = 0;     // Share of requests that fail with a dropped connection.
  double stall = 0;    // Share of requests that never answer.
  double missing = 0;  // Share of blocks that it does not have.
  bool lies = false;   // Its blocks are false.
  Duration dies_at = std::chrono::hours(24);  // Drops everything from then on.
  SourceKind kind = SourceKind::gateway;
  Duration jitter{};                             // Up to so much is added to each round trip.
  bool promises_only = false;                    // Answers nothing, ever.
  Duration joins_at{};                           // Nobody knows of it before.
  Duration lost_from = std::chrono::hours(24);   // A partition: nothing passes until
  Duration lost_until = std::chrono::hours(24);  // then; what was under way goes on.
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, std::vector<SimulatedSource> sources)
      : random_(seed), sources_(std::move(sources)) {
    step(SourcesExpected{true});
    add_those_that_joined();
  }

  // Returns the seconds it took; cut off after an hour of simulated time.
  // Every nth block is a node: no file host has it.
  double pull(std::size_t blocks, std::uint32_t block_bytes, std::size_t nodes_each = 1) {
    return run(blocks, block_bytes, block_bytes, nodes_each);
  }
  // The scheduler is not told how large the blocks are.
  double pull_unknown(std::size_t blocks, std::uint32_t block_bytes) {
    return run(blocks, block_bytes, 0, 1);
  }
  bool finished() const { return finished_; }
  const Error& error() const { return error_; }
  const Scheduler& scheduler() const { return scheduler_; }
  std::uint64_t most_in_flight() const { return most_in_flight_; }
  double duplicate_share() const {
    return static_cast<double>(scheduler_.waste().duplicate_bytes) /
           static_cast<double>(done_.size() * block_bytes_ + 1);
  }
  std::size_t blocks_done() const { return done_.size(); }
  std::size_t open_requests() const { return open_.size(); }

 private:
  double run(std::size_t blocks, std::uint32_t block_bytes, std::uint32_t told,
             std::size_t nodes_each) {
    WantsAdded wants;
    for (std::size_t i = 0; i < blocks; ++i) {
      wants.wants.push_back({test_cid(i), told, i, i % nodes_each != 0});
    }
    block_bytes_ = block_bytes;
    step(wants);
    step(NoMoreWants{});
    for (int ticks = 0; !over_ && now_ < SteadyTime{} + std::chrono::hours(1); ++ticks) {
      now_ += kStep;
      add_those_that_joined();
      move_bytes();
      if (ticks % 10 == 0) step(Tick{});
      most_in_flight_ = std::max(most_in_flight_, scheduler_.in_flight_bytes());
    }
    return std::chrono::duration<double>(now_.time_since_epoch()).count();
  }

  static constexpr Duration kStep = std::chrono::milliseconds(5);
  enum class Fate { delivers, drops, stalls, misses };
  struct Open {
    SourceId source = 0;
    WantId want = 0;
    SteadyTime answers_at;
    double left = 0;
    double reported = 0;  // A fraction of a byte that was not reported yet.
    Fate fate = Fate::delivers;
  };

  bool is_cut(const SimulatedSource& source) const {
    const Duration time = now_.time_since_epoch();
    return time >= source.lost_from && time < source.lost_until;
  }

  // In the order in which they join: so are they numbered.
  void add_those_that_joined() {
    while (joined_ < sources_.size() && now_.time_since_epoch() >= sources_[joined_].joins_at) {
      SourceAdded added{"http://source-" + std::to_string(joined_)};
      added.files_only = sources_[joined_].kind == SourceKind::file_host;
      added.max_requests = sources_[joined_].kind == SourceKind::peer ? 256 : 0;
      ++joined_;
      step(added);
    }
    if (joined_ == sources_.size() && !std::exchange(all_joined_, true)) {
      step(SourcesExpected{false});
    }
  }

  double chance() { return static_cast<double>(random_.below(1U << 20U)) / (1U << 20U); }

  void step(const SchedulerEvent& event) {
    for (const auto& action : scheduler_.step(event, now_)) {
      if (const auto* start = std::get_if<StartRequest>(&action)) open(*start);
      if (const auto* cancel = std::get_if<CancelRequest>(&action)) open_.erase(cancel->request);
      if (std::get_if<Finished>(&action) != nullptr) over_ = finished_ = true;
      if (const auto* gave_up = std::get_if<GaveUp>(&action)) {
        over_ = true;
        error_ = gave_up->error;
      }
    }
  }

  void open(const StartRequest& start) {
    const SimulatedSource& source = sources_[start.source];
    Open request{start.source,
                 start.want,
                 now_ + source.round_trip +
                     Duration(random_.below(static_cast<std::uint64_t>(source.jitter.count()) + 1)),
                 static_cast<double>(block_bytes_),
                 0,
                 Fate::delivers};
    SeededRandom of_block(start.want * 1000 + start.source);
    const bool has_it = static_cast<double>(of_block.below(1000)) >= source.missing * 1000;
    if (!has_it)
      request.fate = Fate::misses;
    else if (source.promises_only || chance() < source.stall)
      request.fate = Fate::stalls;
    else if (chance() < source.loss)
      request.fate = Fate::drops;
    if (now_.time_since_epoch() >= source.dies_at) request.fate = Fate::drops;
    open_.emplace(start.request, request);
  }

  void move_bytes() {
    std::map<SourceId, int> sharing;
    std::map<SourceId, double> budget;  // Of each peer in this step, for one after the other.
    for (const auto& [id, request] : open_) {
      if (now_ >= request.answers_at) ++sharing[request.source];
    }
    std::vector<RequestId> ids;
    for (const auto& [id, request] : open_) ids.push_back(id);
    for (const RequestId id : ids) {
      const auto found = open_.find(id);  // Cancelled by an event of this very step?
      if (found == open_.end() || now_ < found->second.answers_at || over_) continue;
      const SourceId from = found->second.source;
      if (is_cut(sources_[from])) continue;
      const double whole = sources_[from].bytes_per_second * 0.005;
      if (sources_[from].kind != SourceKind::peer) {
        double part = whole / sharing[from];
        advance(id, found->second, part);
        continue;
      }
      double& left = budget.try_emplace(from, whole).first->second;
      if (left > 0) advance(id, found->second, left);
    }
  }

  // Takes from `budget` what it used of it.
  void advance(RequestId id, Open& request, double& budget) {
    const SimulatedSource& source = sources_[request.source];
    if (request.fate == Fate::stalls) return;
    if (request.fate == Fate::misses) return fail(id, Errc::not_found);
    const bool dead = now_.time_since_epoch() >= source.dies_at;
    if (dead) return fail(id, Errc::unavailable);
    const double bytes = budget + request.reported;
    const double taken = std::min(bytes, request.left);
    budget = bytes - taken;
    const auto whole = static_cast<std::uint64_t>(taken);
    request.reported = taken - static_cast<double>(whole);
    request.left -= static_cast<double>(whole);
    const bool complete = request.left < 1;
    if (request.fate == Fate::drops && request.left < block_bytes_ / 2.0) {
      return fail(id, Errc::unavailable);
    }
    const SourceId from = request.source;
    const WantId want = request.want;
    step(BytesArrived{id, source.kind == SourceKind::peer ? 0 : whole});
    if (!complete || !open_.contains(id)) return;
    open_.erase(id);
    step(BlockArrived{id, block_bytes_});
    if (sources_[from].lies) return step(BlockRejected{id, "It lied."});
    done_.insert(want);
    step(BlockVerified{id});
  }

  void fail(RequestId id, Errc code) {
    open_.erase(id);
    step(RequestFailed{id, {code, "The simulated request failed.", {}}});
  }

  SeededRandom random_;
  std::vector<SimulatedSource> sources_;
  Scheduler scheduler_;
  SteadyTime now_{};
  std::map<RequestId, Open> open_;
  std::set<WantId> done_;
  std::uint32_t block_bytes_ = 0;
  std::uint64_t most_in_flight_ = 0;
  std::size_t joined_ = 0;
  bool all_joined_ = false;
  bool over_ = false;
  bool finished_ = false;
  Error error_;
};

}  // namespace accel::exchange::testing
