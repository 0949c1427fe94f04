// SPDX-License-Identifier: Apache-2.0
#pragma once
// Waiting that ends on a stop request. flock() itself cannot be asked to stop, so a lock that
// somebody holds for long is tried again and again. Used by blockstore and node. Any thread;
// blocks.

#include <stop_token>

#include "accel/core/clock.hpp"
#include "accel/core/file.hpp"

namespace accel {

// Between two tries of a lock: below what a person notices, and cheap enough for minutes of it.
inline constexpr Duration kLockPoll = std::chrono::milliseconds(50);

// Returns after the time has passed, or at once when stop is requested.
// Errors: cancelled.
Status pause_for(Duration time, const std::stop_token& stop);

// As FileLock::acquire(): waits until the lock is free. Errors: cancelled; as open_file.
Result<FileLock> wait_for_lock(const std::filesystem::path& path, FileLock::Mode mode,
                               const std::stop_token& stop);

}  // namespace accel
