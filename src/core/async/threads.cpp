// SPDX-License-Identifier: Apache-2.0
#include "async/threads.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <csignal>

namespace accel::detail {
namespace {

class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

std::thread start_thread(const std::string& name, std::function<void()> body) {
  std::thread thread;
  {
    const BlockedSignals inherited;
    thread = std::thread(std::move(body));  // Throws system_error when there can be no more.
  }
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());  // Linux's limit.
  return thread;
}

std::size_t usable_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
  }
  return std::max(std::thread::hardware_concurrency(), 1U);
}

}  // namespace accel::detail
