// SPDX-License-Identifier: Apache-2.0
#pragma once
// So many requests a minute: a token bucket whose burst is a tenth of a minute's share. Pure.

#include <cstdint>

#include "accel/core/clock.hpp"

namespace accel::endpoints {

class RateLimit {
 public:
  // 0: no limit.
  explicit RateLimit(std::uint32_t per_minute);

  // When the next request may go; not after `now` when it may already.
  SteadyTime ready_at(SteadyTime now) const;
  void take(SteadyTime now);

 private:
  double at(SteadyTime now) const;

  double per_second_;
  double burst_;
  double tokens_;
  SteadyTime counted_{};
};

}  // namespace accel::endpoints
