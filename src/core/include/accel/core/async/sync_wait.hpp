// SPDX-License-Identifier: Apache-2.0
#pragma once
// From blocking code into a task: the CLI, the facade's blocking calls, tests.

#include <optional>
#include <stop_token>
#include <utility>

#include "accel/core/async/task.hpp"
#include "accel/core/async/with_timeout.hpp"

namespace accel {

namespace detail {
// Runs work on the executor; false when the executor went away before it ended.
bool run_and_wait(const Executor& executor, asio::awaitable<void> work, std::stop_token stop);
Error executor_gone_error();
}  // namespace detail

// Runs the task on the executor and blocks until it has ended; a stop request cancels it and is
// acknowledged by its end. Never from the executor's own thread: that would wait for itself.
// Errors: those of the task; cancelled; unavailable when the executor's context was destroyed. A
// context that is only stopped never answers: destroy it, or keep it running until nobody waits.
template <class T>
Result<T> sync_wait(const Executor& executor, Task<T> task, std::stop_token stop = {}) {
  std::optional<Result<T>> result;
  auto work = detail::keep_result(std::move(task), result);
  const bool ended = detail::run_and_wait(executor, std::move(work), std::move(stop));
  if (!ended) return tl::unexpected<Error>(detail::executor_gone_error());
  if (!result) return fail(Errc::cancelled, "The task was cancelled before it started.");
  return std::move(*result);
}

}  // namespace accel
