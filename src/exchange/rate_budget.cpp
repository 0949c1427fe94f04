// SPDX-License-Identifier: Apache-2.0
#include "rate_budget.hpp"

#include <algorithm>

namespace accel::exchange {
namespace {

constexpr double kBurstSeconds = 0.2;  // A few ticks of the scheduler: what may be caught up.

}  // namespace

double RateBudget::half() const { return rate_ * kBurstSeconds / 2; }

void RateBudget::pass_to(SteadyTime now) {
  const double most = rate_ * kBurstSeconds;
  if (!started_) {
    started_ = true;
    tokens_ = most;
  } else if (now > last_) {
    const double seconds = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(most, tokens_ + rate_ * seconds);
  }
  last_ = std::max(last_, now);
}

}  // namespace accel::exchange
