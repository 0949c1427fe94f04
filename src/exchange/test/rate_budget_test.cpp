// SPDX-License-Identifier: Apache-2.0
#include "rate_budget.hpp"

#include "scheduler_script.hpp"

namespace accel::exchange {
namespace {

using testing::kMiB;
using testing::Script;
using namespace std::chrono_literals;

TEST(RateBudget, without_a_rate_there_is_always_room) {
  RateBudget budget(0);
  budget.pass_to(SteadyTime{});
  budget.take(1U << 30U);
  EXPECT_TRUE(budget.has_room());
}

TEST(RateBudget, fills_up_with_time_and_no_further_than_a_short_burst) {
  RateBudget budget(1000);
  SteadyTime now{};
  budget.pass_to(now);
  budget.take(1200);
  EXPECT_FALSE(budget.has_room());
  budget.pass_to(now += 900ms);
  EXPECT_FALSE(budget.has_room());
  budget.pass_to(now += 200ms);
  EXPECT_TRUE(budget.has_room());
  budget.pass_to(now += 1h);
  budget.take(201);
  EXPECT_FALSE(budget.has_room());
  budget.give_back(100);
  EXPECT_TRUE(budget.has_room());
}

TEST(Scheduler, keeps_what_it_asks_for_within_the_rate) {
  SchedulerLimits limits;
  limits.max_bytes_per_second = 4 * kMiB;
  Script script(limits);
  script.sources({"a"});
  script.wants(100, kMiB);
  std::size_t done = 0;
  for (int tick = 0; tick < 100; ++tick) {  // Five seconds of a source that delivers at once.
    script.passes(50ms);
    for (WantId want = 0; want < 100; ++want) {
      if (!script.asks("a", want)) continue;
      script.verifies("a", want);
      ++done;
    }
  }
  EXPECT_GE(done, 19U);
  EXPECT_LE(done, 22U);
}

TEST(Scheduler, a_rate_below_a_block_a_second_works_too) {
  SchedulerLimits limits;
  limits.max_bytes_per_second = kMiB / 2;
  Script script(limits);
  script.sources({"a"});
  script.wants(4, kMiB);
  EXPECT_EQ(script.open_at("a"), 1U);
  script.verifies("a", 0);
  EXPECT_EQ(script.open_at("a"), 0U);
  script.passes(1500ms);
  EXPECT_EQ(script.open_at("a"), 0U);
  script.passes(700ms);
  EXPECT_EQ(script.open_at("a"), 1U);
}

}  // namespace
}  // namespace accel::exchange
