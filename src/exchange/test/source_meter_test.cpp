// SPDX-License-Identifier: Apache-2.0
#include "source_meter.hpp"

#include <gtest/gtest.h>

namespace accel::exchange {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t kMiB = 1U << 20U;

// One request after the other: `wait` to the first byte, then the block in `transfer`.
SteadyTime fetch(SourceMeter& meter, SteadyTime now, Duration wait, Duration transfer,
                 std::uint64_t bytes = kMiB) {
  const auto mark = meter.mark(now);
  meter.on_first_byte(mark, now + wait);
  meter.on_bytes(bytes);
  meter.on_complete(mark, now + wait + transfer);
  return now + wait + transfer;
}

TEST(SourceMeter, allows_two_blocks_before_the_first_measurement) {
  const SourceMeter meter;
  EXPECT_EQ(meter.window_bytes(kMiB), 2 * kMiB);
  EXPECT_FALSE(meter.rate());
  EXPECT_EQ(meter.median_rate(), 0);
}

TEST(SourceMeter, measures_bytes_per_second) {
  SourceMeter meter;
  fetch(meter, SteadyTime{}, 10ms, 90ms, 1'000'000);
  EXPECT_NEAR(*meter.rate(), 1e7, 1);
  EXPECT_NEAR(meter.median_rate(), 1e7, 1);
  EXPECT_EQ(*meter.round_trip(), 10ms);
}

TEST(SourceMeter, counts_what_came_beside_a_request_too) {
  SourceMeter meter;
  const auto first = meter.mark(SteadyTime{});
  const auto second = meter.mark(SteadyTime{});
  meter.on_bytes(2 * kMiB);
  meter.on_complete(first, SteadyTime{} + 1s);
  meter.on_complete(second, SteadyTime{} + 1s);
  EXPECT_NEAR(*meter.rate(), 2.0 * kMiB, 1) << "two parallel requests share one link";
}

TEST(SourceMeter, keeps_four_blocks_in_flight_on_a_short_fast_link) {
  SourceMeter meter;
  fetch(meter, SteadyTime{}, 100us, 900us);
  EXPECT_EQ(meter.window_bytes(kMiB), 4 * kMiB);
}

TEST(SourceMeter, keeps_one_block_in_flight_on_a_slow_link) {
  SourceMeter meter;
  fetch(meter, SteadyTime{}, 10ms, 2s);
  EXPECT_GE(meter.window_bytes(kMiB), kMiB);
  EXPECT_LT(meter.window_bytes(kMiB), 2 * kMiB);
}

TEST(SourceMeter, doubles_the_window_each_round_trip_until_the_link_is_full) {
  SourceMeter meter;
  SteadyTime now;
  std::uint64_t window = meter.window_bytes(1000);
  // A link of 60 ms and 100 Mbit/s: 750 kB fill it.
  constexpr double kLink = 12.5e6;
  for (int trip = 0; trip < 14; ++trip) {
    const auto mark = meter.mark(now);
    const double in_flight = static_cast<double>(window);
    meter.on_first_byte(mark, now + 60ms);
    meter.on_bytes(window);
    now += 60ms + std::chrono::duration_cast<Duration>(
                      std::chrono::duration<double>(std::max(0.0, in_flight / kLink - 0.06)));
    meter.on_complete(mark, now);
    window = meter.window_bytes(1000);
  }
  EXPECT_GE(window, 750'000U);
  EXPECT_LE(window, 2 * 750'000U + 1000);
}

TEST(SourceMeter, forgets_a_rate_that_is_long_gone) {
  SourceMeter meter;
  SteadyTime now = fetch(meter, SteadyTime{}, 50ms, 1ms, 100 * kMiB);
  const std::uint64_t before = meter.window_bytes(kMiB);
  for (int i = 0; i < 10; ++i) now = fetch(meter, now, 50ms, 1s);
  EXPECT_LT(meter.window_bytes(kMiB), before / 4);
}

TEST(SourceMeter, measures_a_source_whose_first_block_takes_for_ever) {
  SourceMeter meter;
  for (int tick = 0; tick < 40; ++tick) {
    meter.on_tick(true, SteadyTime{} + tick * 50ms);
    meter.on_bytes(500);
  }
  ASSERT_TRUE(meter.rate());
  EXPECT_NEAR(*meter.rate(), 10'000, 500);
}

TEST(SourceMeter, idle_time_does_not_count_as_slowness) {
  SourceMeter meter;
  fetch(meter, SteadyTime{}, 1ms, 1s);
  for (int tick = 20; tick < 200; ++tick) meter.on_tick(false, SteadyTime{} + tick * 50ms);
  EXPECT_NEAR(*meter.rate(), kMiB / 1.001, 100);
}

TEST(SourceMeter, survives_a_clock_that_does_not_move) {
  SourceMeter meter;
  for (int i = 0; i < 200; ++i) fetch(meter, SteadyTime{}, 0ns, 0ns);
  EXPECT_GE(meter.window_bytes(kMiB), kMiB);
  EXPECT_GT(*meter.rate(), 0);
}

TEST(SourceMeter, takes_the_median_of_the_last_samples_only) {
  SourceMeter meter;
  SteadyTime now;
  for (int i = 0; i < 64; ++i) now = fetch(meter, now, 0ms, 1s);
  for (int i = 0; i < 64; ++i) now = fetch(meter, now, 0ms, 500ms);
  EXPECT_NEAR(meter.median_rate(), 2.0 * kMiB, 1);
}

}  // namespace
}  // namespace accel::exchange
