// SPDX-License-Identifier: Apache-2.0
#include "serving/turn.hpp"

#include <chrono>

namespace accel::node {
namespace {

constexpr std::chrono::milliseconds kLookAtStop{50};

}  // namespace

Result<std::unique_lock<std::timed_mutex>> Turn::take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_, std::defer_lock);
  while (!lock.try_lock_for(kLookAtStop)) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "Cancelled while waiting for a turn.");
  }
  return lock;
}

}  // namespace accel::node
