// SPDX-License-Identifier: Apache-2.0
#pragma once
// One coroutine started from outside any coroutine, in a way that is safe to cancel at any moment.
// Boost 1.81 ends the process when a co_spawn is cancelled before its first step, so a request that
// comes early is only noted. Used by TaskGroup and sync_wait.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <memory>
#include <utility>

#include "accel/core/async/task.hpp"

namespace accel::detail {

// Lives on its serial executor, but for request_stop(). Owners: the coroutine's completion and
// whoever may cancel it.
class Child : public std::enable_shared_from_this<Child> {
 public:
  explicit Child(Executor executor) : executor_(std::move(executor)) {}

  // Runs work, which must not throw, and then done() on the executor.
  template <class Done>
  void start(asio::awaitable<void> work, Done done) {
    auto self = shared_from_this();
    auto finish = [self, done = std::move(done)](std::exception_ptr) mutable {
      self->phase_ = Phase::ended;
      done();
    };
    asio::co_spawn(executor_, run(self, std::move(work)),
                   asio::bind_cancellation_slot(signal_.slot(), std::move(finish)));
  }

  // Thread-safe; idempotent.
  void request_stop() {
    asio::dispatch(executor_, [self = shared_from_this()] {
      self->stop_ = true;
      if (self->phase_ == Phase::running) self->signal_.emit(asio::cancellation_type::all);
    });
  }

 private:
  enum class Phase { fresh, running, ended };

  static asio::awaitable<void> run(std::shared_ptr<Child> self, asio::awaitable<void> work) {
    if (!self->stop_) {
      self->phase_ = Phase::running;
      co_await std::move(work);
    }
    self->phase_ = Phase::ended;
    co_await asio::this_coro::throw_if_cancelled(false);  // Else co_spawn's own last step throws.
  }

  Executor executor_;
  asio::cancellation_signal signal_;
  Phase phase_ = Phase::fresh;
  bool stop_ = false;
};

}  // namespace accel::detail
