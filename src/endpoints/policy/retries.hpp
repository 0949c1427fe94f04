// SPDX-License-Identifier: Apache-2.0
#pragma once
// When a request may be asked for again, and after which wait. The budget bounds what retries add
// to the load of servers that fail for everybody; full jitter keeps clients from coming back
// together (Brooker, "Exponential Backoff And Jitter", AWS 2015). Pure.

#include <cstddef>

#include "accel/core/clock.hpp"
#include "accel/core/random.hpp"

namespace accel::endpoints {

// Every request earns a part of a retry, up to a reserve. Hedges are paid from it, too.
class RetryBudget {
 public:
  static constexpr double kEarned = 0.2;    // One retry for five requests, in the long run.
  static constexpr double kReserve = 10.0;  // What a quiet start may spend at once.

  void request();
  bool take();  // False: no retry now.
  double left() const { return left_; }

 private:
  double left_ = kReserve;
};

inline constexpr Duration kFirstWait = std::chrono::milliseconds(200);
inline constexpr Duration kLongestWait = std::chrono::seconds(10);

// Uniform from 0 to kFirstWait * 2^retry, bounded by kLongestWait.
Duration jittered_wait(std::size_t retry, Random& random);

}  // namespace accel::endpoints
