// SPDX-License-Identifier: Apache-2.0
// Time is simulated: a key that sends as fast as it is let in, for hours.
#include "accel/security/quota.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <limits>

#include "accel/core/random.hpp"

namespace accel::security {
namespace {

using namespace std::chrono_literals;

Moment at(Duration time) {
  return {SteadyTime{} + time,
          WallTime{} + 20'000h + std::chrono::duration_cast<WallTime::duration>(time)};
}

TEST(RollingWindow, counts_no_less_than_its_span_and_a_slot_more_at_most) {
  RollingWindow window(60s, 60);
  window.add(10s, 5);
  EXPECT_EQ(window.sum(70s), 5U);
  EXPECT_EQ(window.sum(71s), 0U);
  window.add(71s, 1);
  EXPECT_EQ(window.sum(10min), 0U);
}

TEST(RollingWindow, says_when_there_is_room_again) {
  RollingWindow window(60s, 60);
  window.add(0s, 3);
  window.add(30s, 3);
  EXPECT_EQ(window.until_below(30s, 7), 0s);
  EXPECT_EQ(window.until_below(30s, 6), 31s) << "when the first three are gone";
  EXPECT_EQ(window.until_below(30s, 3), 61s);
  EXPECT_EQ(window.until_below(60500ms, 6), 500ms);
  EXPECT_EQ(window.until_empty(91s), 0s);
}

TEST(RollingWindow, forgets_nothing_when_its_clock_steps_back_and_does_not_stand_still) {
  RollingWindow window(60s, 60);
  window.add(1000s, 7);
  EXPECT_EQ(window.sum(10s), 7U);
  EXPECT_EQ(window.sum(70s), 7U);
  EXPECT_EQ(window.sum(71s), 0U) << "it counts as of the time that the clock went back to";
}

TEST(RollingWindow, takes_the_largest_counts_without_overflow) {
  RollingWindow window(60s, 60);
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  window.add(0s, kMost);
  window.add(1s, kMost);
  EXPECT_EQ(window.sum(1s), kMost);
  EXPECT_EQ(window.sum(62s), 0U);
}

TEST(RollingWindow, goes_on_after_a_restart) {
  RollingWindow before(24h, 96);
  before.add(1h, 10);
  before.add(5h, 20);
  const auto kept = before.slots(5h);
  RollingWindow after(24h, 96);
  after.restore(6h, kept);
  EXPECT_EQ(after.sum(6h), 30U);
  EXPECT_EQ(after.sum(25h + 15min), 20U);
  RollingWindow late(24h, 96);
  late.restore(48h, kept);
  EXPECT_EQ(late.sum(48h), 0U);
}

TEST(RollingWindow, takes_slots_of_any_file_without_harm) {
  RollingWindow window(24h, 96);
  const RollingWindow::Slot odd[] = {{std::numeric_limits<std::int64_t>::min(), 1},
                                     {std::numeric_limits<std::int64_t>::max(), 2},
                                     {-1, 4},
                                     {0, std::numeric_limits<std::uint64_t>::max()}};
  window.restore(1h, odd);
  EXPECT_EQ(window.sum(1h), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(window.sum(72h), 0U);
}

// Whatever the load, whenever a minute begins.
TEST(Quota, lets_no_minute_have_more_requests_than_the_limit) {
  constexpr std::uint64_t kSeed = 7;
  SeededRandom random(kSeed);
  Quota quota;
  const KeyLimits limits{.requests_per_minute = 30};
  std::deque<Duration> let_in;
  std::size_t all = 0;
  for (Duration now{}; now < 2h; now += std::chrono::milliseconds(random.below(700))) {
    if (quota.begin(limits, at(now), 0)) continue;
    quota.end();
    ++all;
    let_in.push_back(now);
    while (let_in.front() <= now - 60s) let_in.pop_front();
    ASSERT_LE(let_in.size(), 30U) << "seed " << kSeed;
  }
  EXPECT_GE(all, 120 * 28U) << "and gives nearly all of what it may";
}

TEST(Quota, lets_a_client_in_that_waits_as_long_as_it_is_told) {
  Quota quota;
  const KeyLimits limits{.requests_per_minute = 2, .tokens_per_day = 100};
  Duration now = 500ms;
  for (int i = 0; i < 50; ++i) {
    const auto refusal = quota.begin(limits, at(now), 0);
    if (refusal) {
      ASSERT_GT(refusal->retry_after, 0s);
      now += refusal->retry_after;
      ASSERT_FALSE(quota.begin(limits, at(now), 0)) << "it waited as told";
    }
    quota.spend(at(now), 40);
    quota.end();
  }
}

TEST(Quota, counts_tokens_when_they_are_used_and_refuses_the_next_request) {
  Quota quota;
  const KeyLimits limits{.tokens_per_minute = 100};
  ASSERT_FALSE(quota.begin(limits, at(0s), 0));
  quota.spend(at(1s), 250);
  quota.end();
  const auto refusal = quota.begin(limits, at(2s), 0);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->error.code, Errc::resource_exhausted);
  EXPECT_EQ(refusal->retry_after, 60s);
  EXPECT_FALSE(quota.begin(limits, at(62s), 0));
}

TEST(Quota, holds_a_day_of_tokens_whichever_hour_it_begins) {
  Quota quota;
  const KeyLimits limits{.tokens_per_day = 1000};
  quota.spend(at(23h), 1000);
  EXPECT_TRUE(quota.begin(limits, at(25h), 0)) << "midnight changes nothing";
  EXPECT_FALSE(quota.begin(limits, at(47h + 15min), 0));
}

TEST(Quota, counts_who_runs_and_forgets_who_was_refused) {
  Quota quota;
  const KeyLimits limits{.requests_per_minute = 3, .concurrent_requests = 1};
  ASSERT_FALSE(quota.begin(limits, at(0s), 0));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(quota.begin(limits, at(1s), 0));
  quota.end();
  EXPECT_EQ(quota.requests(limits, at(1s))->left, 2U);
  ASSERT_FALSE(quota.begin(limits, at(2s), 0));
  quota.end();
  quota.end();  // One too many does no harm.
  EXPECT_EQ(quota.running(), 0U);
}

TEST(Quota, refuses_a_body_that_is_too_large_for_good) {
  Quota quota;
  const KeyLimits limits{.body_bytes = 10};
  EXPECT_FALSE(quota.begin(limits, at(0s), 10));
  const auto refusal = quota.begin(limits, at(0s), 11);
  ASSERT_TRUE(refusal);
  EXPECT_TRUE(refusal->too_large);
  EXPECT_EQ(refusal->retry_after, 0s);
}

TEST(Quota, tells_of_the_nearer_limit_of_tokens) {
  Quota quota;
  const KeyLimits limits{.tokens_per_minute = 100, .tokens_per_day = 120};
  EXPECT_EQ(quota.tokens(limits, at(0s))->limit, 100U);
  quota.spend(at(0s), 90);
  EXPECT_EQ(quota.tokens(limits, at(1s))->left, 10U);
  EXPECT_EQ(quota.tokens(limits, at(5min))->limit, 120U);
  EXPECT_EQ(quota.tokens(limits, at(5min))->left, 30U);
  EXPECT_FALSE(quota.tokens(KeyLimits{}, at(0s)));
}

}  // namespace
}  // namespace accel::security
