// SPDX-License-Identifier: Apache-2.0
#include "accel/core/lock_wait.hpp"

#include <condition_variable>
#include <mutex>

namespace accel {

Status pause_for(Duration time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  if (stop.stop_requested()) return fail(Errc::cancelled, "Stopped on request.");
  return {};
}

Result<FileLock> wait_for_lock(const std::filesystem::path& path, FileLock::Mode mode,
                               const std::stop_token& stop) {
  for (;;) {
    auto lock = FileLock::acquire(path, mode, /*wait=*/false);
    if (lock || lock.error().code != Errc::unavailable) return lock;
    ACCEL_CHECK(pause_for(kLockPoll, stop));
  }
}

}  // namespace accel
