// SPDX-License-Identifier: Apache-2.0
#pragma once
// One at a time, for work that must not run beside itself in a process: measuring, for two searches
// would slow each other down without noticing. Thread-safe.

#include <mutex>
#include <stop_token>

#include "accel/core/result.hpp"

namespace accel::node {

class Turn {
 public:
  // Waits until it is the caller's turn; it ends with the lock. Errors: cancelled.
  Result<std::unique_lock<std::timed_mutex>> take(const std::stop_token& stop);

 private:
  std::timed_mutex mutex_;
};

}  // namespace accel::node
