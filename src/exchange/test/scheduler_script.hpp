// SPDX-License-Identifier: Apache-2.0
#pragma once
// A language for scheduler tests: say what happens, read what the scheduler wants done as text.
//   Script script; script.sources({"a", "b"}); script.wants(3, kMiB);
//   EXPECT_THAT(script.actions(), ElementsAre("ask a for 0", "ask b for 1"));
//   script.verifies("a", 0);

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scheduler.hpp"

namespace accel::exchange::testing {

inline constexpr std::uint32_t kMiB = 1U << 20U;

// A CID of its own for each number.
inline ipld::Cid test_cid(std::uint64_t number) {
  const std::string text = "block " + std::to_string(number);
  return ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes(text)));
}

class Script {
 public:
  explicit Script(SchedulerLimits limits = {}, DownloadBudget::Share* share = nullptr)
      : limits_(limits), scheduler_(limits, share) {}

  void sources(const std::vector<std::string>& names) {
    for (const auto& name : names) {
      names_.push_back(name);
      step(SourceAdded{name});
    }
  }
  void wants(std::size_t count, std::uint32_t bytes) {
    WantsAdded event;
    for (std::size_t i = 0; i < count; ++i)
      event.wants.push_back({test_cid(next_want_++), bytes, 0});
    step(event);
  }
  void want(std::uint32_t bytes, std::uint64_t order) {
    step(WantsAdded{{{test_cid(next_want_++), bytes, order}}});
  }
  void no_more_wants() { step(NoMoreWants{}); }

  // Time goes by in ticks, as the shell lets it.
  void passes(Duration time) {
    for (const SteadyTime end = now_ + time; now_ < end;) {
      now_ += std::min<Duration>(limits_.tick, end - now_);
      step(Tick{});
    }
  }
  // The clock alone moves; the next event sees it.
  void clock_moves(Duration time) { now_ += time; }

  void bytes(const std::string& source, WantId want, std::uint64_t count) {
    step(BytesArrived{request(source, want), count});
  }
  void arrives(const std::string& source, WantId want, std::uint64_t size = kMiB) {
    step(BlockArrived{request(source, want), size});
  }
  void verifies(const std::string& source, WantId want, std::uint64_t size = kMiB) {
    const RequestId id = request(source, want);
    step(BlockArrived{id, size});
    open_.erase({source, want});
    step(BlockVerified{id});
  }
  void lies(const std::string& source, WantId want) {
    const RequestId id = request(source, want);
    step(BlockArrived{id, kMiB});
    open_.erase({source, want});
    step(BlockRejected{id, "It lied about block " + std::to_string(want) + "."});
  }
  void fails(const std::string& source, WantId want, Errc code, const std::string& reason) {
    const RequestId id = request(source, want);
    open_.erase({source, want});
    step(RequestFailed{id, {code, reason, {}}});
  }
  void misses(const std::string& source, WantId want) {
    fails(source, want, Errc::not_found, "404");
  }

  // What was asked for since the last call.
  std::vector<std::string> actions() { return std::exchange(texts_, {}); }
  bool asks(const std::string& source, WantId want) const { return open_.contains({source, want}); }
  std::size_t open_at(const std::string& source) const {
    std::size_t count = 0;
    for (const auto& [key, id] : open_) count += key.first == source ? 1 : 0;
    return count;
  }
  SourceStats stats(const std::string& source) const {
    for (const auto& item : scheduler_.sources()) {
      if (item.name == source) return item;
    }
    ADD_FAILURE() << "no source " << source;
    return {};
  }
  const Scheduler& scheduler() const { return scheduler_; }
  const Error& error() const { return error_; }
  RequestId request(const std::string& source, WantId want) const {
    const auto found = open_.find({source, want});
    if (found != open_.end()) return found->second;
    ADD_FAILURE() << source << " was not asked for " << want;
    return ~RequestId{};
  }
  void step(const SchedulerEvent& event) {
    for (const auto& action : scheduler_.step(event, now_)) note(action);
  }

 private:
  void note(const Action& action) {
    if (const auto* start = std::get_if<StartRequest>(&action)) {
      const std::string name = names_.at(start->source);
      EXPECT_TRUE(open_.emplace(std::pair{name, start->want}, start->request).second)
          << name << " is asked for " << start->want << " twice";
      texts_.push_back(fmt::format("ask {} for {}", name, start->want));
    } else if (const auto* cancel = std::get_if<CancelRequest>(&action)) {
      const auto found = std::find_if(open_.begin(), open_.end(), [&](const auto& entry) {
        return entry.second == cancel->request;
      });
      if (found == open_.end()) return;  // Failed by a time-out of the scheduler's own.
      texts_.push_back(fmt::format("cancel {} for {}", found->first.first, found->first.second));
      open_.erase(found);
    } else if (const auto* lost = std::get_if<SourceLost>(&action)) {
      texts_.push_back(fmt::format("lost {}: {}", names_.at(lost->source), lost->reason));
    } else if (const auto* gave_up = std::get_if<GaveUp>(&action)) {
      error_ = gave_up->error;
      texts_.push_back("gave up");
    } else {
      texts_.push_back("finished");
    }
  }

  SchedulerLimits limits_;
  Scheduler scheduler_;
  SteadyTime now_{};
  WantId next_want_ = 0;
  std::vector<std::string> names_;
  std::map<std::pair<std::string, WantId>, RequestId> open_;
  std::vector<std::string> texts_;
  Error error_;
};

}  // namespace accel::exchange::testing
