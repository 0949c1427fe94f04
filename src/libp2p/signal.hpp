// SPDX-License-Identifier: Apache-2.0
#pragma once
// Wakes the coroutines that wait for it; a call before the wait is remembered. Everything on one
// strand. Private to libp2p.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "accel/core/async/task.hpp"

namespace accel::libp2p {

inline constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

class Signal {
 public:
  explicit Signal(const Executor& executor)
      : timer_(executor, asio::steady_timer::time_point::max()) {}

  void call() {
    called_ = true;
    if (waiting_ > 0) timer_.cancel();
  }

  // May return early: look again at what you wait for. A cancelled task leaves by the exception of
  // its next co_await.
  Task<void> wait() {
    if (std::exchange(called_, false)) co_return Status{};
    const Count counted(waiting_);
    const auto woken = co_await timer_.async_wait(kAsTuple);
    static_cast<void>(woken);
    called_ = false;
    co_return Status{};
  }

 private:
  struct Count {
    explicit Count(std::size_t& waiters) : count(waiters) { ++count; }
    ~Count() { --count; }
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    std::size_t& count;
  };

  asio::steady_timer timer_;
  std::size_t waiting_ = 0;
  bool called_ = false;
};

}  // namespace accel::libp2p
