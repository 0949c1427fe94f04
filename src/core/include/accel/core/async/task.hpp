// SPDX-License-Identifier: Apache-2.0
#pragma once
// The coroutine type of the project: errors are values.
//
// Cancellation arrives from outside (TaskGroup, with_timeout, with_stop): the operation that the
// task waits for ends early, mostly with operation_aborted, and the *next* co_await of a cancelled
// task throws, so that no loop survives its cancellation. Nobody catches that exception: whoever
// spawned the task turns it into Errc::cancelled. Clean-up therefore belongs into destructors.
// Every task runs on a serial executor (an IoThread of one thread, or a strand).
// Write coroutines with style.md's g++ 12 traps at hand.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "accel/core/result.hpp"

namespace accel {

namespace asio = boost::asio;

using Executor = asio::any_io_executor;

template <class T>
using Task = asio::awaitable<Result<T>>;

}  // namespace accel
