// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/event.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>

namespace accel {
namespace {

using Handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;

}  // namespace

struct Event::State {
  // Posts, never calls: set() may run on any thread and under the caller's locks.
  void wake() {
    std::unique_ptr<Handler> handler;
    Executor keep_alive;
    {
      const std::scoped_lock lock(mutex);
      set = true;
      handler = std::move(waiter);
      std::swap(keep_alive, work);
    }
    if (handler) asio::post(std::move(*handler));
  }

  void start_wait(Handler handler) {
    const Executor executor = asio::get_associated_executor(handler);
    {
      const std::scoped_lock lock(mutex);
      if (!set) {
        work = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        waiter = std::make_unique<Handler>(std::move(handler));
        return;
      }
    }
    asio::post(std::move(handler));
  }

  std::mutex mutex;
  bool set = false;
  std::unique_ptr<Handler> waiter;
  Executor work;  // Keeps the waiter's context running until set().
};

Event::Event() : state_(std::make_shared<State>()) {}

void Event::set() const { state_->wake(); }

bool Event::is_set() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->set;
}

asio::awaitable<void> Event::wait(std::function<void()> on_cancel) const {
  auto state = state_;
  auto start = [state, on_cancel = std::move(on_cancel)](Handler handler) mutable {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([notify = std::move(on_cancel)](asio::cancellation_type) { notify(); });
    }
    state->start_wait(std::move(handler));
  };
  auto waiting = asio::async_initiate<const asio::use_awaitable_t<>&, void()>(std::move(start),
                                                                              asio::use_awaitable);
  co_await std::move(waiting);
}

}  // namespace accel
