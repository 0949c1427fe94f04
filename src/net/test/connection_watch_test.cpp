// SPDX-License-Identifier: Apache-2.0
#include "connection_watch.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "accel/core/file.hpp"
#include "connection_registry.hpp"
#include "progress_guard.hpp"

namespace accel::net {
namespace {

using std::chrono::seconds;

const SteadyTime kNow = SteadyTime{} + std::chrono::hours(1);

WatchView view_of(Phase phase, Duration until_deadline) {
  WatchView view;
  view.phase = phase;
  view.deadline = kNow + until_deadline;
  return view;
}

TEST(Judge, keeps_what_is_in_time) {
  for (const Phase phase : {Phase::idle, Phase::head, Phase::body, Phase::handling, Phase::sending,
                            Phase::stream, Phase::closing}) {
    EXPECT_EQ(judge(view_of(phase, seconds(1)), kNow), Decision{});
  }
}

TEST(Judge, cuts_late_clients_and_asks_late_handlers) {
  for (const Phase phase :
       {Phase::idle, Phase::head, Phase::body, Phase::sending, Phase::closing}) {
    EXPECT_EQ(judge(view_of(phase, seconds(0)), kNow), (Decision{Verdict::cut, Cause::deadline}));
  }
  const Decision late_handler = judge(view_of(Phase::handling, seconds(0)), kNow);
  EXPECT_EQ(late_handler, (Decision{Verdict::ask_to_stop, Cause::deadline}));
}

TEST(Judge, a_handler_that_was_asked_gets_its_grace_and_no_more) {
  WatchView asked = view_of(Phase::handling, seconds(1));
  asked.asked_to_stop = true;
  EXPECT_EQ(judge(asked, kNow).verdict, Verdict::keep);
  EXPECT_EQ(judge(asked, kNow + seconds(1)).verdict, Verdict::cut);
}

TEST(Judge, a_client_that_left_stops_its_request) {
  for (const Phase phase : {Phase::handling, Phase::stream}) {
    WatchView gone = view_of(phase, seconds(1));
    gone.peer_gone = true;
    EXPECT_EQ(judge(gone, kNow), (Decision{Verdict::ask_to_stop, Cause::client_gone}));
  }
}

TEST(Judge, draining_ends_idle_connections_and_lets_the_others_finish) {
  WatchView idle = view_of(Phase::idle, seconds(1));
  idle.draining = true;
  EXPECT_EQ(judge(idle, kNow), (Decision{Verdict::cut, Cause::shutdown}));
  WatchView busy = view_of(Phase::handling, seconds(1));
  busy.draining = true;
  EXPECT_EQ(judge(busy, kNow).verdict, Verdict::keep);
}

TEST(ProgressGuard, gives_a_new_window_only_for_enough_bytes) {
  ProgressGuard guard(seconds(30), 1000);
  const SteadyTime first = guard.wait_until(kNow);
  EXPECT_EQ(first, kNow + seconds(30));
  guard.moved(999);
  EXPECT_EQ(guard.wait_until(kNow + seconds(29)), first);
  guard.moved(1);
  EXPECT_EQ(guard.wait_until(kNow + seconds(29)), kNow + seconds(59));
}

TEST(ProgressGuard, a_drip_of_bytes_is_no_progress) {
  ProgressGuard guard(seconds(30), 1000);
  SteadyTime now = kNow;
  const SteadyTime deadline = guard.wait_until(now);
  for (int i = 0; i < 29; ++i) {
    now += seconds(1);
    guard.moved(1);
    EXPECT_EQ(guard.wait_until(now), deadline);
  }
}

TEST(ProgressGuard, does_not_count_the_time_that_we_took) {
  ProgressGuard guard(seconds(30), 1000);
  guard.wait_until(kNow);
  guard.pause();
  EXPECT_EQ(guard.wait_until(kNow + seconds(100)), kNow + seconds(130));
}

// A pair of connected sockets: the registry looks at one, the test holds the other as the client.
struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()), 0);
    server = UniqueFd(fds[0]);
    client = UniqueFd(fds[1]);
  }
  UniqueFd server;
  UniqueFd client;
  std::shared_ptr<ConnectionWatch> watch = std::make_shared<ConnectionWatch>();
};

TEST(ConnectionRegistry, notices_that_the_client_left_while_the_handler_works) {
  ConnectionRegistry registry;
  Pair pair;
  const ConnectionRegistry::Entry entry(registry, {pair.server.get(), pair.watch});
  pair.watch->enter(Phase::handling, kNow);
  EXPECT_EQ(registry.tick(kNow, false), 0U);
  EXPECT_FALSE(pair.watch->asked_to_stop());
  pair.client.reset();
  EXPECT_EQ(registry.tick(kNow, false), 0U);
  EXPECT_TRUE(pair.watch->asked_to_stop());
  EXPECT_EQ(pair.watch->cause(), Cause::client_gone);
  EXPECT_FALSE(pair.watch->was_cut());
  registry.tick(kNow + kStopGrace, false);
  EXPECT_TRUE(pair.watch->was_cut());
}

TEST(ConnectionRegistry, counts_late_requests_once_and_idle_ones_not_at_all) {
  ConnectionRegistry registry;
  Pair slow;
  Pair idle;
  const ConnectionRegistry::Entry one(registry, {slow.server.get(), slow.watch});
  const ConnectionRegistry::Entry two(registry, {idle.server.get(), idle.watch});
  slow.watch->enter(Phase::head, kNow, kNow + seconds(1));
  idle.watch->enter(Phase::idle, kNow, kNow + seconds(1));
  EXPECT_EQ(registry.tick(kNow + seconds(1), false), 1U);
  EXPECT_TRUE(slow.watch->was_cut());
  EXPECT_TRUE(idle.watch->was_cut());
  EXPECT_EQ(registry.tick(kNow + seconds(2), false), 0U);
}

TEST(ConnectionRegistry, makes_room_by_ending_the_longest_idle) {
  ConnectionRegistry registry;
  Pair older;
  Pair newer;
  Pair busy;
  const ConnectionRegistry::Entry one(registry, {newer.server.get(), newer.watch});
  const ConnectionRegistry::Entry two(registry, {older.server.get(), older.watch});
  const ConnectionRegistry::Entry three(registry, {busy.server.get(), busy.watch});
  newer.watch->enter(Phase::idle, kNow + seconds(2));
  older.watch->enter(Phase::idle, kNow + seconds(1));
  busy.watch->enter(Phase::handling, kNow);
  EXPECT_TRUE(registry.make_room());
  EXPECT_TRUE(older.watch->was_cut());
  EXPECT_FALSE(newer.watch->was_cut());
  EXPECT_TRUE(registry.make_room());
  EXPECT_FALSE(registry.make_room());
  EXPECT_FALSE(busy.watch->was_cut());
}

TEST(ConnectionRegistry, makes_room_by_ending_the_slowest_head_where_none_is_idle) {
  ConnectionRegistry registry;
  Pair slow;
  Pair newer;
  const ConnectionRegistry::Entry one(registry, {newer.server.get(), newer.watch});
  const ConnectionRegistry::Entry two(registry, {slow.server.get(), slow.watch});
  newer.watch->enter(Phase::head, kNow + seconds(2));
  slow.watch->enter(Phase::head, kNow + seconds(1));
  EXPECT_TRUE(registry.make_room());
  EXPECT_TRUE(slow.watch->was_cut());
  EXPECT_EQ(slow.watch->cause(), Cause::deadline);
  EXPECT_FALSE(newer.watch->was_cut());
}

TEST(ConnectionRegistry, makes_room_by_ending_the_oldest_stranger_whatever_it_does) {
  ConnectionRegistry registry;
  Pair sends;
  Pair newer;
  Pair known;
  const ConnectionRegistry::Entry one(registry, {known.server.get(), known.watch});
  const ConnectionRegistry::Entry two(registry, {newer.server.get(), newer.watch});
  const ConnectionRegistry::Entry three(registry, {sends.server.get(), sends.watch});
  for (Pair* const pair : {&sends, &newer}) pair->watch->set_stranger(true);
  known.watch->enter(Phase::body, kNow);
  sends.watch->enter(Phase::idle, kNow + seconds(1));
  newer.watch->enter(Phase::idle, kNow + seconds(2));
  sends.watch->enter(Phase::body, kNow + seconds(3));
  EXPECT_TRUE(registry.make_room());
  EXPECT_TRUE(sends.watch->was_cut());
  EXPECT_EQ(sends.watch->cause(), Cause::deadline);
  EXPECT_FALSE(newer.watch->was_cut());
  EXPECT_TRUE(registry.make_room());
  EXPECT_FALSE(registry.make_room());
  EXPECT_FALSE(known.watch->was_cut());
}

TEST(ConnectionRegistry, runs_stop_callbacks_without_its_lock) {
  ConnectionRegistry registry;
  Pair pair;
  const ConnectionRegistry::Entry entry(registry, {pair.server.get(), pair.watch});
  std::size_t seen = 0;
  const std::stop_callback callback(pair.watch->request_token(), [&] { seen = registry.size(); });
  registry.ask_all_to_stop(kNow);
  EXPECT_EQ(seen, 1U);
}

}  // namespace
}  // namespace accel::net
