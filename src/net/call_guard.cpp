// SPDX-License-Identifier: Apache-2.0
#include "call_guard.hpp"

#include <algorithm>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace accel::net {

struct CallGuard::State : std::enable_shared_from_this<State> {
  State(Executor where, SteadyTime end) : executor(std::move(where)), timer(executor), total(end) {}

  void trip(Errc why) {
    if (tripped || over) return;
    tripped = why;
    timer.cancel();
    if (cancel) cancel();
  }

  void arm() {
    armed = deadline;
    timer.expires_at(deadline);
    auto on_timer = [weak = weak_from_this()](const boost::system::error_code& ec) {
      const auto state = weak.lock();
      if (state && !ec) state->fired();
    };
    timer.async_wait(asio::bind_executor(executor, std::move(on_timer)));
  }

  void fired() {
    armed = SteadyTime::max();
    if (tripped || over || deadline == SteadyTime::max()) return;
    if (system_clock().now() < deadline) return arm();
    trip(Errc::timeout);
  }

  Executor executor;
  asio::steady_timer timer;
  SteadyTime total;
  SteadyTime deadline = SteadyTime::max();
  SteadyTime armed = SteadyTime::max();  // When the timer will fire; max: it is not armed.
  Duration limit{};
  std::optional<Errc> tripped;
  std::function<void()> cancel;
  bool over = false;
};

CallGuard::CallGuard(Executor executor, std::stop_token stop, SteadyTime total)
    : state_(std::make_shared<State>(std::move(executor), total)) {
  if (!stop.stop_possible()) return;
  std::function<void()> on_stop = [weak = std::weak_ptr<State>(state_), where = state_->executor] {
    asio::post(where, [weak] {
      if (const auto state = weak.lock()) state->trip(Errc::cancelled);
    });
  };
  if (stop.stop_requested()) state_->tripped = Errc::cancelled;
  on_stop_.emplace(std::move(stop), std::move(on_stop));
}

CallGuard::~CallGuard() {
  on_stop_.reset();
  state_->over = true;
  state_->cancel = nullptr;
  state_->timer.cancel();
}

void CallGuard::watch(std::function<void()> cancel) {
  state_->cancel = std::move(cancel);
  if (state_->tripped) state_->cancel();
}

void CallGuard::unwatch() { state_->cancel = nullptr; }

void CallGuard::expect_within(Duration limit) {
  State& state = *state_;
  const SteadyTime idle_end =
      limit > Duration::zero() ? system_clock().now() + limit : SteadyTime::max();
  state.limit = limit;
  state.deadline = std::min(idle_end, state.total);
  // A timer that fires too early only looks again.
  if (!state.tripped && state.deadline < state.armed) state.arm();
}

Status CallGuard::check() const {
  if (!state_->tripped) return {};
  if (*state_->tripped == Errc::cancelled) return fail(Errc::cancelled, "the call was cancelled");
  if (system_clock().now() >= state_->total) {
    return fail(Errc::timeout, "the call took longer than it may");
  }
  return fail(Errc::timeout, "nothing moved for {:.1f} s", to_ms(state_->limit) / 1000);
}

}  // namespace accel::net
