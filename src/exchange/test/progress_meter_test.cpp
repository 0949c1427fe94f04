// SPDX-License-Identifier: Apache-2.0
#include "progress_meter.hpp"

#include <gtest/gtest.h>

namespace accel::exchange {
namespace {

using namespace std::chrono_literals;
constexpr SteadyTime kStart{};

TEST(ProgressMeter, reports_at_most_ten_times_a_second) {
  ProgressMeter meter;
  int reports = 0;
  for (int i = 0; i < 100; ++i) {
    reports += meter.due(1000, true, kStart + i * 10ms).has_value() ? 1 : 0;
  }
  EXPECT_EQ(reports, 10);
}

TEST(ProgressMeter, shows_the_rate_of_what_was_fetched_and_the_time_left) {
  ProgressMeter meter;
  meter.add_done(500);  // Was there before: no part of the rate.
  meter.due(1500, true, kStart);
  meter.add_fetched(200);
  meter.add_done(200);
  const auto progress = meter.due(1500, true, kStart + 1s);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->bytes_done, 700U);
  EXPECT_NEAR(progress->bytes_per_second, 200, 0.1);
  ASSERT_TRUE(progress->seconds_left);
  EXPECT_NEAR(*progress->seconds_left, 4, 0.01);
}

TEST(ProgressMeter, promises_no_end_while_the_total_is_open) {
  ProgressMeter meter;
  meter.due(1500, false, kStart);
  meter.add_fetched(200);
  EXPECT_FALSE(meter.due(1500, false, kStart + 1s)->seconds_left);
}

TEST(ProgressMeter, promises_no_end_when_nothing_moves) {
  ProgressMeter meter;
  meter.due(1500, true, kStart);
  EXPECT_FALSE(meter.due(1500, true, kStart + 1s)->seconds_left);
}

TEST(ProgressMeter, forgets_how_fast_it_was_long_ago) {
  ProgressMeter meter;
  meter.due(1 << 30, true, kStart);
  meter.add_fetched(1'000'000);
  for (int i = 1; i <= 100; ++i) meter.due(1 << 30, true, kStart + i * 100ms);
  EXPECT_EQ(meter.at(1 << 30, true, kStart + 10100ms).bytes_per_second, 0);
}

}  // namespace
}  // namespace accel::exchange
