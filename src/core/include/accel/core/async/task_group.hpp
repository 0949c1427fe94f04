// SPDX-License-Identifier: Apache-2.0
#pragma once
// Structured concurrency: every spawned task belongs to a TaskGroup that somebody owns, cancels and
// joins. The only place that may detach.

#include <cstddef>
#include <memory>
#include <string>

#include "accel/core/async/task.hpp"

namespace accel {

class TaskGroup {
 public:
  // executor must be serial (task.hpp). name says in the logs whose tasks failed.
  explicit TaskGroup(Executor executor, std::string name = "tasks");
  // Asks what still runs to stop, without waiting: join() first, for tasks may refer to the owner.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts a task. An error that it returns is kept for join(), an exception is logged and becomes
  // Errc::internal; neither ends the others. After cancel() a task ends before its first step.
  // Thread-safe. No string_view, span or reference to a temporary among the task's parameters.
  void spawn(Task<void> task);
  // The same on another serial executor, such as a connection's own strand.
  void spawn(Executor executor, Task<void> task);

  // Cancels all tasks, now and to come. Thread-safe.
  void cancel();
  std::size_t running() const;

  // Waits until no task runs; returns the first error other than cancelled. A cancelled join
  // cancels the tasks and still waits for them. But a caller that is cancelled between spawn() and
  // this, as by a callback of its own task, never comes here: where tasks refer to the caller's
  // frame, it sets throw_if_cancelled(false) before the first spawn().
  Task<void> join();

 private:
  struct State;
  std::shared_ptr<State> state_;  // Shared with the running tasks' completions.
};

}  // namespace accel
