// SPDX-License-Identifier: Apache-2.0
#pragma once
// Threads of IoThread and OffloadPool: named, and with every signal blocked, so that SIGINT and its
// like reach the thread that waits for them.

#include <functional>
#include <string>
#include <thread>

namespace accel::detail {

std::thread start_thread(const std::string& name, std::function<void()> body);

// As many threads as this process may run at once (affinity mask), at least one.
std::size_t usable_threads();

}  // namespace accel::detail
