// SPDX-License-Identifier: Apache-2.0
#include "policy/rate_limit.hpp"

#include <algorithm>

namespace accel::endpoints {

RateLimit::RateLimit(std::uint32_t per_minute)
    : per_second_(per_minute / 60.0), burst_(std::max(1.0, per_minute / 10.0)), tokens_(burst_) {}

double RateLimit::at(SteadyTime now) const {
  const double passed = std::chrono::duration<double>(now - counted_).count();
  return std::min(burst_, tokens_ + std::max(passed, 0.0) * per_second_);
}

SteadyTime RateLimit::ready_at(SteadyTime now) const {
  if (per_second_ <= 0) return now;
  const double missing = 1 - at(now);
  if (missing <= 0) return now;
  // Rounded up: who comes then finds it ready.
  return now +
         std::chrono::duration_cast<Duration>(
             std::chrono::duration<double>(missing / per_second_)) +
         std::chrono::microseconds(1);
}

void RateLimit::take(SteadyTime now) {
  if (per_second_ <= 0) return;
  tokens_ = at(now) - 1;
  counted_ = now;
}

}  // namespace accel::endpoints
