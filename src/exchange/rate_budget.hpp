// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps what is asked for within a rate: a token bucket that may be overdrawn by one block, so that
// a rate below a block a tick works too. Pure: time comes in. Used by the scheduler.

#include <cstdint>

#include "accel/core/clock.hpp"

namespace accel::exchange {

class RateBudget {
 public:
  explicit RateBudget(std::uint64_t bytes_per_second)  // 0: no limit.
      : rate_(static_cast<double>(bytes_per_second)) {}

  void pass_to(SteadyTime now);
  bool has_room() const { return rate_ == 0 || tokens_ > 0; }
  // For who leaves the rest to others.
  bool is_half_full() const { return rate_ == 0 || tokens_ > half(); }
  void take(std::uint64_t bytes) { tokens_ -= rate_ == 0 ? 0 : static_cast<double>(bytes); }
  // Of bytes that were taken and never came.
  void give_back(std::uint64_t bytes) { tokens_ += rate_ == 0 ? 0 : static_cast<double>(bytes); }

 private:
  double half() const;

  double rate_;
  double tokens_ = 0;
  SteadyTime last_{};
  bool started_ = false;
};

}  // namespace accel::exchange
