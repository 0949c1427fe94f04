// SPDX-License-Identifier: Apache-2.0
#include "dial_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace accel::libp2p {
namespace {

using namespace std::chrono_literals;

DialRoute route(const std::string& text, bool proven = false) {
  const auto address = ipld::Multiaddr::parse(text).value();
  return {address, address, std::nullopt, proven};
}

std::vector<std::string> ranked(const std::vector<std::string>& texts, std::size_t most = 100) {
  std::vector<DialRoute> routes;
  for (const std::string& text : texts) routes.push_back(route(text));
  std::vector<std::string> out;
  for (const DialRoute& one : rank_routes(routes, most)) out.push_back(one.numeric.to_string());
  return out;
}

using Texts = std::vector<std::string>;

TEST(DialPlan, tries_the_nearest_first) {
  EXPECT_EQ(ranked({"/ip4/1.2.3.4/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"}),
            (Texts{"/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/1.2.3.4/tcp/1"}));
}

TEST(DialPlan, tries_tcp_before_a_websocket_at_the_same_distance) {
  EXPECT_EQ(ranked({"/ip4/1.2.3.4/tcp/80/ws", "/ip4/1.2.3.4/tcp/1", "/ip4/10.0.0.1/tcp/80/ws"}),
            (Texts{"/ip4/10.0.0.1/tcp/80/ws", "/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/80/ws"}));
}

TEST(DialPlan, takes_turns_between_ipv6_and_ipv4) {
  EXPECT_EQ(ranked({"/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.5/tcp/1", "/ip6/2a00::1/tcp/1",
                    "/ip6/2a00::2/tcp/1", "/ip6/2a00::3/tcp/1"}),
            (Texts{"/ip6/2a00::1/tcp/1", "/ip4/1.2.3.4/tcp/1", "/ip6/2a00::2/tcp/1",
                   "/ip4/1.2.3.5/tcp/1", "/ip6/2a00::3/tcp/1"}));
}

TEST(DialPlan, lets_few_near_addresses_stand_before_the_first_far_one) {
  const auto order = ranked({"/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/1", "/ip4/10.0.0.3/tcp/1",
                             "/ip4/10.0.0.4/tcp/1", "/ip4/10.0.0.5/tcp/1", "/ip4/1.2.3.4/tcp/1"});
  EXPECT_EQ(order.at(kNearFirst), "/ip4/1.2.3.4/tcp/1");
  EXPECT_EQ(order.back(), "/ip4/10.0.0.5/tcp/1");
  EXPECT_EQ(order.size(), 6U);
}

TEST(DialPlan, begins_with_what_worked_last) {
  const auto order =
      rank_routes({route("/ip4/10.0.0.1/tcp/1"), route("/ip4/1.2.3.4/tcp/80/ws", true),
                   route("/ip4/5.6.7.8/tcp/1", true)},
                  10);
  EXPECT_EQ(order.at(0).numeric.to_string(), "/ip4/1.2.3.4/tcp/80/ws");
  EXPECT_EQ(order.at(1).numeric.to_string(), "/ip4/10.0.0.1/tcp/1");
}

TEST(DialPlan, keeps_nothing_twice_and_no_more_than_it_may) {
  EXPECT_EQ(ranked({"/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/2"}).size(), 2U);
  EXPECT_EQ(ranked({"/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/2", "/ip4/1.2.3.4/tcp/3"}, 2).size(),
            2U);
  EXPECT_TRUE(ranked({}).empty());
}

TEST(DialPlan, ranks_any_mixture_without_losing_one) {
  const Texts all{"/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1",     "/ip4/10.0.0.1/tcp/1/ws",
                  "/ip6/fd00::1/tcp/1",   "/ip4/1.2.3.4/tcp/1", "/ip6/2a00::1/tcp/1/ws"};
  Texts order = all;
  std::ranges::sort(order);
  do {
    Texts got = ranked(order);
    std::ranges::sort(got);
    Texts want = all;
    std::ranges::sort(want);
    ASSERT_EQ(got, want);
  } while (std::ranges::next_permutation(order).found);
}

struct Clocked {
  explicit Clocked(const std::vector<std::string>& texts, std::size_t at_once = 8)
      : schedule(rank_routes(routes_of(texts), 100), at_once) {}
  static std::vector<DialRoute> routes_of(const std::vector<std::string>& texts) {
    std::vector<DialRoute> routes;
    for (const std::string& text : texts) routes.push_back(route(text));
    return routes;
  }
  bool begins() { return schedule.begin(now) != nullptr; }

  DialSchedule schedule;
  SteadyTime now{1000s};
};

TEST(DialSchedule, begins_far_addresses_a_quarter_of_a_second_apart) {
  Clocked dial({"/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.5/tcp/1"});
  EXPECT_TRUE(dial.begins());
  EXPECT_FALSE(dial.begins());
  EXPECT_EQ(dial.schedule.next(), dial.now + 250ms);
  dial.now += 249ms;
  EXPECT_FALSE(dial.begins());
  dial.now += 1ms;
  EXPECT_TRUE(dial.begins());
  EXPECT_EQ(dial.schedule.next(), SteadyTime::max());
}

TEST(DialSchedule, begins_after_a_near_address_much_sooner) {
  Clocked dial({"/ip4/10.0.0.1/tcp/1", "/ip4/1.2.3.5/tcp/1"});
  EXPECT_TRUE(dial.begins());
  EXPECT_EQ(dial.schedule.next(), dial.now + 30ms);
}

TEST(DialSchedule, begins_the_next_one_at_once_when_one_has_failed) {
  Clocked dial({"/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.5/tcp/1", "/ip4/1.2.3.6/tcp/1"});
  EXPECT_TRUE(dial.begins());
  dial.now += 250ms;
  EXPECT_TRUE(dial.begins());
  dial.schedule.failed();
  EXPECT_TRUE(dial.begins());
  EXPECT_FALSE(dial.schedule.is_over());
  dial.schedule.failed();
  dial.schedule.failed();
  EXPECT_TRUE(dial.schedule.is_over());
  EXPECT_FALSE(dial.begins());
}

TEST(DialSchedule, leaves_a_moment_to_one_that_shakes_hands) {
  Clocked dial({"/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/1"});
  EXPECT_TRUE(dial.begins());
  dial.now += 29ms;
  dial.schedule.connected(dial.now);
  dial.now += 59ms;
  EXPECT_FALSE(dial.begins());
  dial.now += 1ms;
  EXPECT_TRUE(dial.begins());
}

TEST(DialSchedule, has_no_more_under_way_than_it_may) {
  Clocked dial({"/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.5/tcp/1"}, 1);
  EXPECT_TRUE(dial.begins());
  dial.now += 10s;
  EXPECT_EQ(dial.schedule.next(), SteadyTime::max());
  EXPECT_FALSE(dial.begins());
  dial.schedule.failed();
  EXPECT_TRUE(dial.begins());
}

TEST(DialSchedule, is_over_at_once_without_routes) { EXPECT_TRUE(DialSchedule({}, 8).is_over()); }

}  // namespace
}  // namespace accel::libp2p
