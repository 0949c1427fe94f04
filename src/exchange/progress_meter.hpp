// SPDX-License-Identifier: Apache-2.0
#pragma once
// Turns byte counts into progress for people: a rate over the last seconds, the time left, and not
// too often. Pure: time comes in. Used by the shell of the fetcher.

#include <cstdint>
#include <deque>
#include <optional>

#include "accel/core/clock.hpp"
#include "accel/exchange/fetcher.hpp"

namespace accel::exchange {

class ProgressMeter {
 public:
  static constexpr Duration kInterval = std::chrono::milliseconds(100);
  static constexpr Duration kWindow = std::chrono::seconds(3);

  void add_fetched(std::uint64_t bytes) { fetched_ += bytes; }
  void add_done(std::uint64_t bytes) { done_ += bytes; }
  std::uint64_t done() const { return done_; }

  // The progress to show now, if the last one is long enough ago.
  std::optional<PullProgress> due(std::uint64_t total, bool total_known, SteadyTime now);
  PullProgress at(std::uint64_t total, bool total_known, SteadyTime now);

 private:
  struct Sample {
    SteadyTime time;
    std::uint64_t fetched;
  };
  double rate(SteadyTime now);

  std::uint64_t fetched_ = 0;
  std::uint64_t done_ = 0;
  std::deque<Sample> samples_;
  std::optional<SteadyTime> last_;
};

}  // namespace accel::exchange
