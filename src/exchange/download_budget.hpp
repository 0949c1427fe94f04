// SPDX-License-Identifier: Apache-2.0
#pragma once
// What all pulls of a fetcher may take together, and which of them goes first. Pure: time comes in.
// A Share is one pull's part; its scheduler asks it before each request.
//
// The rules, in which "foreground" is what somebody waits for (urgency.hpp):
// - A limit on the rate is one bucket for all. Foreground takes what is in it; background leaves
//   its lower half, which foreground that could use more empties again and again.
// - Without a limit nobody knows how much the link takes: while a foreground request is under way,
//   each background pull has one block under way and no more.
// - A background pull that got nothing for kLongestWait takes one block all the same, so that
//   whoever waits for it does not think it dead.

#include <cstdint>

#include "accel/core/clock.hpp"
#include "accel/exchange/urgency.hpp"
#include "rate_budget.hpp"

namespace accel::exchange {

class DownloadBudget {
 public:
  static constexpr Duration kLongestWait = std::chrono::seconds(5);

  explicit DownloadBudget(std::uint64_t bytes_per_second = 0)  // 0: no limit.
      : bucket_(bytes_per_second) {}
  DownloadBudget(const DownloadBudget&) = delete;
  DownloadBudget& operator=(const DownloadBudget&) = delete;

  class Share {
   public:
    // The budget outlives it.
    Share(DownloadBudget& budget, Urgency urgency) : budget_(budget), urgency_(urgency) {}
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    void pass_to(SteadyTime now);
    bool has_room() const;
    // A request of so many bytes has gone out.
    void begin(std::uint64_t bytes);
    // It has ended, whatever came of it.
    void end();
    // It was larger or smaller than it was thought to be.
    void take(std::uint64_t bytes) { budget_.bucket_.take(bytes); }
    void give_back(std::uint64_t bytes) { budget_.bucket_.give_back(bytes); }

   private:
    DownloadBudget& budget_;
    Urgency urgency_;
    SteadyTime now_{};
    SteadyTime last_begun_{};
    std::uint64_t open_ = 0;
    bool started_ = false;
  };

 private:
  RateBudget bucket_;
  std::uint64_t foreground_open_ = 0;  // Requests.
};

}  // namespace accel::exchange
