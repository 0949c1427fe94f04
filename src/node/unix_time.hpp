// SPDX-License-Identifier: Apache-2.0
#pragma once
// Seconds since 1970, as the home's records count. Private to node.

#include <chrono>
#include <cstdint>

#include "accel/core/clock.hpp"

namespace accel::node {

inline std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}
inline std::int64_t unix_seconds(const Clock& clock) { return unix_seconds(clock.wall_now()); }

}  // namespace accel::node
