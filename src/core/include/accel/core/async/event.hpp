// SPDX-License-Identifier: Apache-2.0
#pragma once
// A one-shot event between any thread and one waiting coroutine. The base of OffloadPool, TaskGroup
// and with_stop; others use it where a callback of a foreign thread must wake a task.

#include <functional>
#include <memory>

#include "accel/core/async/task.hpp"

namespace accel {

// Copies share one event (owners: the waiter and whoever sets it).
class Event {
 public:
  Event();

  // Wakes the waiter on its executor, now or as soon as it waits. Thread-safe; idempotent.
  void set() const;
  bool is_set() const;

  // Returns once set() was called, only then. When the waiting task is cancelled, on_cancel is
  // called on its executor and the wait goes on: whoever is asked to stop acknowledges with set().
  // At most one waiter, on a serial executor. When the waiter's context goes, so does the waiter;
  // calling set() afterwards is harmless, during that it is not.
  asio::awaitable<void> wait(std::function<void()> on_cancel) const;

 private:
  struct State;
  struct Waiting;
  std::shared_ptr<State> state_;
};

}  // namespace accel
