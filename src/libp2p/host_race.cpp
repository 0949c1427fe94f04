// SPDX-License-Identifier: Apache-2.0
// The race of a dial: what DialSchedule says begins, the first whose handshake is done is kept, the
// others are cancelled.
#include <boost/asio/steady_timer.hpp>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/clock.hpp"
#include "count_one.hpp"
#include "dial_errors.hpp"
#include "remote.hpp"

namespace accel::libp2p {
namespace {

using Tcp = asio::ip::tcp;

Task<Tcp::socket> connect_tcp(Tcp::endpoint endpoint) {
  const Executor executor = co_await asio::this_coro::executor;
  Tcp::socket socket(executor);
  const auto connected = co_await socket.async_connect(endpoint, kAsTuple);
  const auto& [ec] = connected;
  if (ec) {
    co_return fail(Error{Errc::unavailable,
                         fmt::format("Nobody answers at {} port {}.",
                                     endpoint.address().to_string(), endpoint.port()),
                         ec.message()});
  }
  co_return socket;
}

}  // namespace

struct Host::Impl::Race {
  Race(const Executor& on, DialSchedule plan, DialErrors& into)
      : schedule(std::move(plan)), errors(into), changed(on) {}
  DialSchedule schedule;
  DialErrors& errors;
  asio::steady_timer changed;
  std::optional<PeerId> winner{};
};

Task<Host::Impl::ConnectionPtr> Host::Impl::dial(Race& race, DialRoute route) {
  if (count() >= options.limits.connections) {
    co_return fail(Errc::resource_exhausted, "There are {} connections already.", count());
  }
  ++counters.dials;
  const CountOne one(dialing);
  const auto where = stream_target(route.numeric);
  const Tcp::endpoint endpoint(asio::ip::make_address(where->tcp.host), where->tcp.port);
  auto connecting = connect_tcp(endpoint);
  auto socket = co_await with_timeout(std::move(connecting), options.limits.dial_timeout);
  if (!socket) co_return fail(std::move(socket.error()));
  race.schedule.connected(system_clock().now());
  const auto named = stream_target(route.address);
  const bool six = named->tcp.host.find(':') != std::string::npos;
  Way way{
      route.numeric, true, route.peer,
      fmt::format("{}{}{}:{}", six ? "[" : "", named->tcp.host, six ? "]" : "", named->tcp.port)};
  auto securing = secure(std::move(*socket), std::move(way));
  auto secured = co_await with_timeout(std::move(securing), options.limits.handshake_timeout);
  if (!secured && secured.error().code != Errc::cancelled) ++counters.handshake_failures;
  co_return secured;
}

Task<void> Host::Impl::attempt(Race& race, DialRoute route) {
  struct Leave {  // Also by an exception.
    Race& of;
    ~Leave() {
      of.schedule.failed();
      of.changed.cancel();
    }
  };
  const Leave leave{race};
  auto dialing_now = dial(race, route);
  auto connection = co_await std::move(dialing_now);
  if (race.winner) co_return Status{};  // Somebody was faster.
  auto admitted = connection ? admit(std::move(*connection)) : std::move(connection);
  if (admitted) {
    race.winner = (*admitted)->peer();
    remember(*race.winner, route.address);
    resting.erase(route.numeric);
    co_return Status{};
  }
  if (is_fault_of_address(admitted.error().code)) {
    ++counters.dial_failures;
    note_failure(route.numeric);
  }
  race.errors.note(route.numeric, std::move(admitted.error()));
  co_return Status{};
}

Task<void> Host::Impl::run_race(Race& race, TaskGroup& attempts) {
  while (!race.winner && !race.schedule.is_over()) {
    while (const DialRoute* const next = race.schedule.begin(system_clock().now())) {
      attempts.spawn(attempt(race, *next));
    }
    if (race.winner || race.schedule.is_over()) break;
    race.changed.expires_at(race.schedule.next());
    const auto woken = co_await race.changed.async_wait(kAsTuple);
    static_cast<void>(woken);
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      co_return fail(Errc::cancelled, "The dial was cancelled.");
    }
  }
  co_return Status{};
}

Task<PeerId> Host::Impl::race(Routes routes, DialErrors& errors) {
  DialSchedule plan(rank_routes(std::move(routes), options.limits.addresses_per_dial),
                    options.limits.dials_per_peer);
  Race race(executor, std::move(plan), errors);
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);  // The join below must come.
  TaskGroup attempts(executor, "dial");
  auto running = run_race(race, attempts);
  const Status ran = co_await std::move(running);
  attempts.cancel();
  const Status joined = co_await attempts.join();
  static_cast<void>(joined);  // The attempts have noted why they failed.
  co_await asio::this_coro::throw_if_cancelled(throwing);
  if (race.winner) co_return *race.winner;
  ACCEL_CO_CHECK(ran);
  co_return fail(errors.summary());
}

}  // namespace accel::libp2p
