// SPDX-License-Identifier: Apache-2.0
#pragma once
// Wakes the one coroutine that waits for it, as often as it is called; calls before the wait are
// remembered as one. Everything on one strand.

#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "socket.hpp"

namespace accel::net {

class Wakeup {
 public:
  explicit Wakeup(const Executor& executor)
      : timer_(executor, asio::steady_timer::time_point::max()) {}

  void call() {
    called_ = true;
    timer_.cancel();
  }

  // A cancelled task leaves by the exception of its next co_await.
  Task<void> wait() {
    while (!std::exchange(called_, false)) {
      const auto woken = co_await timer_.async_wait(kAsTuple);
      static_cast<void>(woken);
    }
    co_return Status{};
  }

 private:
  asio::steady_timer timer_;
  bool called_ = false;
};

}  // namespace accel::net
