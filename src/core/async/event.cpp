// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/event.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>

namespace accel {

// The waiter waits for a timer that never fires: so it hangs on its context as any I/O does, and
// goes with it. The timer belongs to the waiting coroutine alone; the state only looks at it, as an
// Event may outlive the context.
struct Event::State {
  // All under the lock: the waiter may go on, and its context end, only after this is over.
  void set_and_wake() {
    const std::scoped_lock lock(mutex);
    set = true;
    if (waiter.expired()) return;
    asio::post(executor, [weak = waiter] {
      if (const auto timer = weak.lock()) timer->cancel();
    });
  }

  bool is_set() {
    const std::scoped_lock lock(mutex);
    return set;
  }

  std::mutex mutex;
  bool set = false;
  std::weak_ptr<asio::steady_timer> waiter;
  Executor executor;  // The waiter's; held only while the waiter is there.
};

// In the waiting coroutine's frame: what the state knows of its context ends with it, however.
struct Event::Waiting {
  explicit Waiting(State& event, const Executor& executor,
                   const std::shared_ptr<asio::steady_timer>& timer)
      : state(event) {
    const std::scoped_lock lock(state.mutex);
    state.executor = executor;
    state.waiter = timer;
  }
  ~Waiting() {
    const std::scoped_lock lock(state.mutex);
    state.waiter.reset();
    state.executor = {};
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  State& state;
};

Event::Event() : state_(std::make_shared<State>()) {}

void Event::set() const { state_->set_and_wake(); }

bool Event::is_set() const { return state_->is_set(); }

asio::awaitable<void> Event::wait(std::function<void()> on_cancel) const {
  const auto state = state_;
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const Executor executor = co_await asio::this_coro::executor;
  const auto timer =
      std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
  const Waiting waiting_here(*state, executor, timer);
  bool asked = false;
  while (!state->is_set()) {
    auto waiting = timer->async_wait(asio::as_tuple(asio::use_awaitable));
    co_await std::move(waiting);
    const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
    const bool cancelled = cancellation.cancelled() != asio::cancellation_type::none;
    if (cancelled && !asked && !state->is_set()) on_cancel();
    asked = asked || cancelled;
  }
  co_await asio::this_coro::throw_if_cancelled(throwing);
}

}  // namespace accel
