// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/with_timeout.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "accel/core/async/event.hpp"

namespace accel {
namespace detail {

Error error_of_current_exception() {
  try {
    throw;
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) {
      return {Errc::cancelled, "The operation was cancelled.", {}};
    }
    return {Errc::internal, "An operation failed with an error that nobody handled.", error.what()};
  } catch (const std::exception& error) {
    return {Errc::internal, "An operation ended by an exception.", error.what()};
  } catch (...) {  // The last resort: a foreign exception without words.
    return {Errc::internal, "An operation ended by an unknown exception.", {}};
  }
}

Error timeout_error(Duration limit, const Error& last) {
  return {Errc::timeout,
          fmt::format("The operation took longer than {:.3g} s.", to_ms(limit) / 1e3),
          last.code == Errc::cancelled ? std::string() : last.to_string()};
}

asio::awaitable<RaceEnd> race(asio::awaitable<void> work, asio::awaitable<void> alarm) {
  const Executor executor = co_await asio::this_coro::executor;
  // Both start inside their initiation, as this coroutine runs on the executor: so neither can be
  // cancelled before its first step, which Boost 1.81 answers with std::terminate.
  auto group = asio::experimental::make_parallel_group(
      asio::co_spawn(executor, std::move(work), asio::deferred),
      asio::co_spawn(executor, std::move(alarm), asio::deferred));
  auto both =
      group.async_wait(asio::experimental::wait_for_one(), asio::as_tuple(asio::use_awaitable));
  const auto ended = co_await std::move(both);
  co_return std::get<0>(ended)[0] == 0 ? RaceEnd::finished : RaceEnd::alarm;
}

asio::awaitable<void> alarm_after(Duration limit) {
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  auto waiting = timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_await std::move(waiting);
  co_await asio::this_coro::throw_if_cancelled(false);
}

asio::awaitable<void> alarm_on_stop(std::stop_token stop) {
  const Event stopped;
  const std::stop_callback on_stop(std::move(stop), [stopped] { stopped.set(); });
  std::function<void()> give_up = [stopped] { stopped.set(); };
  auto waiting = stopped.wait(std::move(give_up));
  co_await std::move(waiting);
  co_await asio::this_coro::throw_if_cancelled(false);
}

}  // namespace detail

Task<void> delay(Duration time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  auto waiting = timer.async_wait(asio::as_tuple(asio::use_awaitable));
  const auto ended = co_await std::move(waiting);
  if (std::get<0>(ended)) co_return fail(Errc::cancelled, "The wait was cancelled.");
  co_return Status();
}

}  // namespace accel
