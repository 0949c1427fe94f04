// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bounds for tasks. Each waits until the task itself has ended: a job on an OffloadPool that was
// asked to stop has acknowledged when these return, so what it refers to may go.

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <stop_token>
#include <utility>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"

namespace accel {

namespace detail {

enum class RaceEnd { finished, alarm };

// Runs work against alarm; whichever ends first cancels the other; returns when both have ended.
asio::awaitable<RaceEnd> race(asio::awaitable<void> work, asio::awaitable<void> alarm);
asio::awaitable<void> alarm_after(Duration limit);
asio::awaitable<void> alarm_on_stop(std::stop_token stop);
// The exception in flight as an Error: a cancelled co_await is cancelled, all else internal.
Error error_of_current_exception();
Error timeout_error(Duration limit, const Error& last);

template <class T>
asio::awaitable<void> keep_result(Task<T> task, std::optional<Result<T>>& out) {
  try {
    out = co_await std::move(task);
  } catch (...) {  // A task may end by exception when it is cancelled; errors are values from here.
    out = tl::unexpected<Error>(error_of_current_exception());
  }
  co_await asio::this_coro::throw_if_cancelled(false);  // Else co_spawn's own last step throws.
}

}  // namespace detail

// Errors: timeout (the cause is what the task said last); those of the task. A task that succeeds
// although its time was up has succeeded.
template <class T>
Task<T> with_timeout(Task<T> task, Duration limit) {
  std::optional<Result<T>> result;
  auto work = detail::keep_result(std::move(task), result);
  auto alarm = detail::alarm_after(limit);
  const detail::RaceEnd end = co_await detail::race(std::move(work), std::move(alarm));
  if (end == detail::RaceEnd::alarm && !*result) {
    co_return tl::unexpected<Error>(detail::timeout_error(limit, result->error()));
  }
  co_return std::move(*result);
}

// Cancels the task when the token is stopped. Errors: those of the task, mostly cancelled then.
template <class T>
Task<T> with_stop(Task<T> task, std::stop_token stop) {
  std::optional<Result<T>> result;
  auto work = detail::keep_result(std::move(task), result);
  auto alarm = detail::alarm_on_stop(std::move(stop));
  co_await detail::race(std::move(work), std::move(alarm));
  co_return std::move(*result);
}

// Returns after the time has passed. Errors: cancelled.
Task<void> delay(Duration time);

}  // namespace accel
