// SPDX-License-Identifier: Apache-2.0
// The policy of dynamic batching, told the time.
#include "batching/batch_planner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace accel::inference::batching {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

constexpr SteadyTime at(int ms) { return SteadyTime{} + milliseconds(ms); }

BatchLimits limits() {
  BatchLimits limits;
  limits.max_rows = 4;
  limits.max_tokens = 1000;
  limits.max_padding = 0.25;
  limits.max_waiting = 64;
  limits.max_delay = milliseconds(2);
  limits.runs = 1;
  return limits;
}

Item item(ItemId id, std::size_t length = 8, std::string client = "a", int ms = 0) {
  return {id, std::move(client), "g", 1, length, at(ms)};
}

// After a batch of so many requests, which ended.
BatchPlanner after_batch_of(std::size_t count, const BatchLimits& limits) {
  BatchPlanner planner(limits);
  for (ItemId id = 1000; id < 1000 + count; ++id) EXPECT_TRUE(planner.submit(item(id)));
  EXPECT_TRUE(planner.next(at(10)));
  planner.done(count, at(10));
  return planner;
}

TEST(BatchPlanner, starts_a_lone_request_at_once) {
  BatchPlanner planner(limits());
  ASSERT_TRUE(planner.submit(item(1)));
  const auto plan = planner.next(at(0));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->ids, ElementsAre(1));
  EXPECT_EQ(plan->reason, StartReason::gathered);
  EXPECT_FALSE(planner.next(at(0)));
}

TEST(BatchPlanner, joins_what_came_during_a_run) {
  BatchPlanner planner(limits());
  ASSERT_TRUE(planner.submit(item(1)));
  ASSERT_TRUE(planner.next(at(0)));
  for (ItemId id = 2; id <= 6; ++id) ASSERT_TRUE(planner.submit(item(id)));
  EXPECT_FALSE(planner.next(at(1))) << "the one run is taken";
  EXPECT_FALSE(planner.wake_at(at(1)));
  planner.done(1, at(0));
  const auto plan = planner.next(at(1));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->ids, ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(plan->reason, StartReason::full);
  EXPECT_EQ(plan->left, 1U);
}

TEST(BatchPlanner, does_not_join_what_would_be_slower_together) {
  BatchPlanner planner(limits());
  for (const int tokens : {8, 16, 64, 128, 192}) {
    for (int run = 0; run < 4; ++run) planner.learn(tokens, milliseconds(5 + tokens));
  }
  for (ItemId id = 1; id <= 3; ++id) ASSERT_TRUE(planner.submit(item(id, 128)));
  const auto plan = planner.next(at(0));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->ids, ElementsAre(1));
  EXPECT_EQ(plan->reason, StartReason::enough);
  planner.done(1, at(0));
  for (ItemId id = 4; id <= 6; ++id) ASSERT_TRUE(planner.submit(item(id, 8)));
  ASSERT_TRUE(planner.next(at(0)));
  planner.done(1, at(0));
  ASSERT_TRUE(planner.next(at(0)));
  planner.done(1, at(0));
  EXPECT_EQ(planner.next(at(0))->rows, 3U);
}

TEST(BatchPlanner, waits_a_moment_for_those_whom_the_last_batch_answered) {
  BatchPlanner planner = after_batch_of(3, limits());
  ASSERT_TRUE(planner.submit(item(1, 8, "a", 20)));
  ASSERT_TRUE(planner.submit(item(2, 8, "b", 21)));
  EXPECT_FALSE(planner.next(at(21)));
  EXPECT_EQ(planner.wake_at(at(21)), at(22));
  ASSERT_TRUE(planner.submit(item(3, 8, "c", 21)));
  const auto plan = planner.next(at(21));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->reason, StartReason::gathered);
  EXPECT_EQ(plan->ids.size(), 3U);
}

// Two clients in a closed loop, a third whose request waits already: it goes with both of them.
TEST(BatchPlanner, waits_a_moment_for_clients_that_have_come_back_before) {
  BatchPlanner planner(limits());
  ItemId id = 1;
  for (int ms = 0; ms < 100; ms += 10) {
    ASSERT_TRUE(planner.submit(item(id++, 8, "a", ms)));
    ASSERT_TRUE(planner.submit(item(id++, 8, "b", ms)));
    ASSERT_TRUE(planner.next(at(ms + 2)));
    planner.done(2, at(ms + 9));
  }
  ASSERT_TRUE(planner.submit(item(id++, 8, "c", 95)));
  ASSERT_TRUE(planner.submit(item(id++, 8, "a", 99)));
  EXPECT_FALSE(planner.next(at(99)));
  EXPECT_EQ(planner.wake_at(at(99)), at(101));
  ASSERT_TRUE(planner.submit(item(id++, 8, "b", 100)));
  const auto plan = planner.next(at(100));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->rows, 3U);
}

TEST(BatchPlanner, waits_for_nobody_who_does_not_come_back) {
  BatchPlanner planner(limits());
  for (int ms = 0; ms < 100; ms += 10) {
    ASSERT_TRUE(planner.submit(item(static_cast<ItemId>(ms + 1), 8, "a", ms)));
    ASSERT_TRUE(planner.next(at(ms)));
    planner.done(1, at(ms + 1));
  }
  ASSERT_TRUE(planner.submit(item(200, 8, "a", 91)));
  EXPECT_TRUE(planner.next(at(91)));
}

TEST(BatchPlanner, waits_no_longer_than_it_may) {
  BatchPlanner planner = after_batch_of(3, limits());
  ASSERT_TRUE(planner.submit(item(1, 8, "a", 20)));
  EXPECT_FALSE(planner.next(at(21)));
  const auto plan = planner.next(at(22));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->reason, StartReason::waited);
}

TEST(BatchPlanner, pads_little_by_joining_the_nearest_lengths) {
  BatchPlanner planner = after_batch_of(4, limits());
  ASSERT_TRUE(planner.submit(item(1, 100)));
  ASSERT_TRUE(planner.submit(item(2, 10)));
  ASSERT_TRUE(planner.submit(item(3, 110)));
  ASSERT_TRUE(planner.submit(item(4, 12)));
  const auto plan = planner.next(at(20));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->ids, ElementsAre(1, 3));
  EXPECT_EQ(plan->length, 110U);
  EXPECT_EQ(plan->tokens, 210U);
  planner.done(1, at(0));
  const auto rest = planner.next(at(20));
  ASSERT_TRUE(rest);
  EXPECT_THAT(rest->ids, ElementsAre(2, 4));
}

TEST(BatchPlanner, keeps_the_token_budget_but_lets_a_large_request_run_alone) {
  BatchLimits small = limits();
  small.max_tokens = 20;
  BatchPlanner planner(small);
  ASSERT_TRUE(planner.submit(item(1, 50)));
  ASSERT_TRUE(planner.submit(item(2, 50)));
  const auto plan = planner.next(at(0));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->ids, ElementsAre(1));
  EXPECT_EQ(plan->reason, StartReason::full);
}

TEST(BatchPlanner, joins_equal_groups_only) {
  BatchPlanner planner = after_batch_of(2, limits());
  Item other = item(2);
  other.group = "other outputs";
  ASSERT_TRUE(planner.submit(item(1)));
  ASSERT_TRUE(planner.submit(other));
  ASSERT_TRUE(planner.submit(item(3)));
  const auto plan = planner.next(at(20));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->ids, ElementsAre(1, 3));
}

TEST(BatchPlanner, shares_a_batch_among_clients_and_leaves_no_row_empty) {
  BatchPlanner planner = after_batch_of(4, limits());
  for (ItemId id = 1; id <= 6; ++id) ASSERT_TRUE(planner.submit(item(id, 8, "greedy")));
  ASSERT_TRUE(planner.submit(item(7, 8, "modest")));
  const auto plan = planner.next(at(20));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->ids, ElementsAre(1, 2, 3, 7));
  EXPECT_EQ(plan->clients, 2U);
}

TEST(BatchPlanner, lets_clients_take_turns) {
  BatchLimits one = limits();
  one.max_rows = 1;
  BatchPlanner planner(one);
  for (ItemId id = 1; id <= 3; ++id) ASSERT_TRUE(planner.submit(item(id, 8, "greedy")));
  ASSERT_TRUE(planner.submit(item(4, 8, "modest")));
  std::vector<ItemId> order;
  for (int i = 0; i < 4; ++i) {
    const auto plan = planner.next(at(20));
    ASSERT_TRUE(plan);
    order.push_back(plan->ids.front());
    planner.done(1, at(0));
  }
  EXPECT_THAT(order, ElementsAre(1, 4, 2, 3));
}

TEST(BatchPlanner, refuses_beyond_the_queue_and_keeps_room_for_other_clients) {
  BatchLimits small = limits();
  small.max_waiting = 8;
  BatchPlanner planner(small);
  for (ItemId id = 1; id <= 4; ++id) ASSERT_TRUE(planner.submit(item(id, 8, "greedy")));
  const Status refused = planner.submit(item(5, 8, "greedy"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::resource_exhausted);
  EXPECT_TRUE(planner.submit(item(6, 8, "modest")));
  Item large = item(7, 8, "third");
  large.rows = 4;
  EXPECT_FALSE(planner.submit(large)) << "five wait, eight may";
  EXPECT_EQ(planner.waiting_rows(), 5U);
}

TEST(BatchPlanner, halves_what_waits_between_two_runs) {
  BatchLimits two = limits();
  two.max_rows = 32;
  two.runs = 2;
  BatchPlanner planner(two);
  for (ItemId id = 1; id <= 10; ++id) ASSERT_TRUE(planner.submit(item(id)));
  const auto first = planner.next(at(0));
  const auto second = planner.next(at(0));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->rows, 5U);
  EXPECT_EQ(second->rows, 5U);
}

TEST(BatchPlanner, forgets_who_leaves) {
  BatchPlanner planner(limits());
  ASSERT_TRUE(planner.submit(item(1)));
  ASSERT_TRUE(planner.submit(item(2)));
  EXPECT_TRUE(planner.cancel(1));
  EXPECT_FALSE(planner.cancel(1));
  EXPECT_EQ(planner.waiting_rows(), 1U);
  const auto plan = planner.next(at(0));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->ids, ElementsAre(2));
  EXPECT_EQ(planner.waiting_rows(), 0U);
}

Item urgent(Item made, Priority priority) {
  made.priority = priority;
  return made;
}

// The first of each batch, one request at a time.
std::vector<ItemId> order_of(BatchPlanner& planner) {
  std::vector<ItemId> order;
  while (const auto plan = planner.next(at(100))) {
    order.insert(order.end(), plan->ids.begin(), plan->ids.end());
    planner.done(1, at(0));
  }
  return order;
}

BatchLimits one_row() {
  BatchLimits one = limits();
  one.max_rows = 1;
  return one;
}

TEST(BatchPlanner, a_higher_level_goes_first_and_clients_take_turns_within_it) {
  BatchPlanner planner(one_row());
  ASSERT_TRUE(planner.submit(urgent(item(1, 8, "a"), Priority::low)));
  ASSERT_TRUE(planner.submit(item(2, 8, "a")));
  ASSERT_TRUE(planner.submit(item(3, 8, "a")));
  ASSERT_TRUE(planner.submit(item(4, 8, "b")));
  ASSERT_TRUE(planner.submit(urgent(item(5, 8, "a"), Priority::high)));
  EXPECT_THAT(order_of(planner), ElementsAre(5, 4, 2, 3, 1)) << "a has had its turn with 5";
}

TEST(BatchPlanner, a_higher_level_joins_a_batch_before_a_lower_one) {
  BatchLimits two = limits();
  two.max_rows = 2;
  BatchPlanner planner(two);
  ASSERT_TRUE(planner.submit(urgent(item(1), Priority::low)));
  ASSERT_TRUE(planner.submit(urgent(item(2), Priority::high)));
  ASSERT_TRUE(planner.submit(item(3)));
  const auto plan = planner.next(at(0));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->ids, ElementsAre(2, 3));
}

TEST(BatchPlanner, one_batch_in_nine_is_the_oldest_s_whatever_its_level) {
  BatchPlanner planner(one_row());
  ASSERT_TRUE(planner.submit(urgent(item(1, 8, "low"), Priority::low)));
  ASSERT_TRUE(planner.submit(urgent(item(2, 8, "low"), Priority::low)));
  for (ItemId id = 3; id <= 22; ++id)
    ASSERT_TRUE(planner.submit(urgent(item(id, 8, "high"), Priority::high)));
  const std::vector<ItemId> order = order_of(planner);
  ASSERT_EQ(order.size(), 22U);
  EXPECT_EQ(std::ranges::find(order, ItemId{1}) - order.begin(), 8);
  EXPECT_EQ(std::ranges::find(order, ItemId{2}) - order.begin(), 17);
}

// Whatever comes, everything that is let in runs once, within the limits, and no later than the
// rules say.
TEST(BatchPlanner, runs_everything_once_and_within_limits) {
  const unsigned seed = 20261121;
  std::mt19937 random(seed);
  BatchLimits wide = limits();
  wide.max_rows = 8;
  wide.max_tokens = 300;
  wide.runs = 2;
  BatchPlanner planner(wide);
  std::map<ItemId, Item> in;
  std::set<ItemId> out;
  ItemId next = 1;
  for (int ms = 0; ms < 3000; ++ms) {
    if (ms < 2000 && random() % 2 == 0) {
      Item one = item(next++, 1 + random() % 64, std::string(1, char('a' + random() % 3)), ms);
      one.priority = static_cast<Priority>(1 + random() % 3);
      if (planner.submit(one)) in[one.id] = one;
    }
    while (const auto plan = planner.next(at(ms))) {
      std::size_t tokens = 0;
      for (const ItemId id : plan->ids) {
        EXPECT_TRUE(out.insert(id).second) << "seed " << seed;
        tokens += in.at(id).length;
      }
      EXPECT_EQ(tokens, plan->tokens);
      EXPECT_LE(plan->rows, 8U);
      EXPECT_LE(plan->rows * plan->length, 300U);
      EXPECT_LE(static_cast<double>(plan->rows * plan->length - tokens),
                0.25 * static_cast<double>(plan->rows * plan->length));
    }
    if (planner.running() < 2 && planner.waiting_rows() > 0) {
      EXPECT_GT(planner.wake_at(at(ms)), at(ms)) << "what could start has started, seed " << seed;
    }
    if (random() % 3 == 0) planner.done(1 + random() % 4, at(ms));
  }
  EXPECT_EQ(out.size(), in.size());
  EXPECT_EQ(planner.waiting_rows(), 0U);
}

}  // namespace
}  // namespace accel::inference::batching
