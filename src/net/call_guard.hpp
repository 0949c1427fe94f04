// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ends the operation that a call of the client waits for, when its time is up or its stop token is
// stopped. One lazy timer for all waits of a call: moving the deadline back costs a store, the
// timer looks at it when it fires. Lives on the call's serial executor; only the stop token comes
// from elsewhere.

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"

namespace accel::net {

class CallGuard {
 public:
  // total: the end of the whole call; SteadyTime::max() for none.
  CallGuard(Executor executor, std::stop_token stop, SteadyTime total);
  ~CallGuard();
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

  // What to call when it trips; called at once when it has tripped already.
  void watch(std::function<void()> cancel);
  void unwatch();
  // The next operation must end within this time (zero: only the total counts).
  void expect_within(Duration limit);
  // Ok until it has tripped. Errors: timeout ("it did not answer in 30 s"), cancelled.
  Status check() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // Shared with the timer's and the token's callbacks.
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace accel::net
