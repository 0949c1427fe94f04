// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "accel/core/clock.hpp"
#include "accel/core/random.hpp"

namespace accel {
namespace {

using namespace std::chrono_literals;

TEST(Clock, writes_rfc3339_in_utc_with_milliseconds) {
  EXPECT_EQ(to_rfc3339(WallTime{}), "1970-01-01T00:00:00.000Z");
  // 2**31 seconds and 7 ms: the first moment that a signed 32-bit time can't say.
  EXPECT_EQ(to_rfc3339(WallTime{2147483648s + 7ms}), "2038-01-19T03:14:08.007Z");
}

TEST(Clock, counts_milliseconds_with_fractions) { EXPECT_DOUBLE_EQ(to_ms(1500us), 1.5); }

TEST(Clock, of_the_system_never_goes_back) {
  const SteadyTime first = system_clock().now();
  EXPECT_GE(system_clock().now(), first);
  EXPECT_GT(system_clock().wall_now().time_since_epoch(), 24h * 365 * 50);
}

TEST(ManualClock, moves_only_when_told_to) {
  ManualClock clock;
  const SteadyTime start = clock.now();
  EXPECT_EQ(clock.now(), start);
  clock.advance(3s);
  EXPECT_EQ(clock.now() - start, 3s);
  EXPECT_EQ(to_rfc3339(clock.wall_now()), "1970-01-01T00:00:03.000Z");
}

TEST(SeededRandom, repeats_what_it_said_for_the_same_seed) {
  SeededRandom first(7);
  SeededRandom second(7);
  SeededRandom other(8);
  const std::uint64_t value = first.next_u64();
  EXPECT_EQ(second.next_u64(), value);
  EXPECT_NE(other.next_u64(), value);
}

TEST(Random, stays_below_its_bound_and_reaches_every_value) {
  SeededRandom random(1);
  std::map<std::uint64_t, int> counts;
  for (int i = 0; i < 6000; ++i) ++counts[random.below(6)];
  ASSERT_EQ(counts.size(), 6U);
  EXPECT_LT(counts.rbegin()->first, 6U);
  for (const auto& [value, count] : counts) EXPECT_NEAR(count, 1000, 200) << value;
}

TEST(Random, of_the_system_does_not_repeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random_hex(system_random(), 8));
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_EQ(seen.begin()->size(), 16U);
}

}  // namespace
}  // namespace accel
