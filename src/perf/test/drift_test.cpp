// SPDX-License-Identifier: Apache-2.0
#include "accel/perf/drift.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>

#include "simulated_machine.hpp"

namespace accel::perf {
namespace {

constexpr std::size_t kBlock = DriftOptions{}.block_calls;

// Feeds so many calls of one latency; the number of calls until the alarm, or nullopt.
std::optional<std::size_t> feed(DriftDetector& detector, double latency_ms, std::size_t calls,
                                double load = 0) {
  for (std::size_t i = 1; i <= calls; ++i) {
    if (detector.observe(latency_ms, load)) return i;
  }
  return std::nullopt;
}

TEST(Drift, is_silent_while_latency_stays_where_it_was) {
  DriftDetector detector(10);
  EXPECT_FALSE(feed(detector, 10, 100'000));
}

TEST(Drift, is_silent_within_its_allowance) {
  DriftDetector detector(10);
  EXPECT_FALSE(feed(detector, 10.9, 100'000));
  EXPECT_FALSE(feed(detector, 9.2, 100'000));
}

TEST(Drift, notices_a_doubled_latency_after_eight_blocks) {
  DriftDetector detector(10);
  EXPECT_EQ(feed(detector, 20, 1000), 8 * kBlock);
}

TEST(Drift, says_how_far_latency_has_moved_and_which_way) {
  DriftDetector detector(10);
  std::optional<Drift> drift;
  for (int i = 0; i < 1000 && !drift; ++i) drift = detector.observe(15);
  ASSERT_TRUE(drift);
  EXPECT_NEAR(drift->ratio, 1.5, 1e-9);
  EXPECT_TRUE(drift->slower());
  drift.reset();
  for (int i = 0; i < 1000 && !drift; ++i) drift = detector.observe(5);
  ASSERT_TRUE(drift);
  EXPECT_NEAR(drift->ratio, 0.5, 1e-9);
  EXPECT_FALSE(drift->slower());
}

TEST(Drift, notices_a_small_shift_if_it_persists) {
  DriftDetector detector(10);
  const auto calls = feed(detector, 12, 10'000);  // log 1.2 = 0.18: 0.08 a block.
  ASSERT_TRUE(calls);
  EXPECT_LE(*calls, 20 * kBlock);
}

TEST(Drift, ignores_stalls_and_one_bad_block) {
  DriftDetector detector(10);
  for (std::size_t i = 0; i < 100 * kBlock; ++i) {
    const bool stall = i % 10 == 0;               // Every tenth call takes a second.
    const bool bad_block = i / kBlock % 10 == 0;  // Every tenth block is five times slower.
    EXPECT_FALSE(detector.observe(stall ? 1000.0 : bad_block ? 50.0 : 10.0));
  }
}

TEST(Drift, does_not_look_at_calls_under_load) {
  DriftDetector detector(10);
  EXPECT_FALSE(feed(detector, 40, 10'000, 0.9));
}

TEST(Drift, starts_over_after_an_alarm) {
  DriftDetector detector(10);
  ASSERT_TRUE(feed(detector, 20, 1000));
  EXPECT_FALSE(feed(detector, 20, 7 * kBlock));
}

TEST(Drift, skips_latencies_that_are_no_times) {
  DriftDetector detector(10);
  for (const double nonsense : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
                                std::numeric_limits<double>::infinity()}) {
    EXPECT_FALSE(feed(detector, nonsense, 1000));
  }
  DriftDetector without_memory(0);
  EXPECT_FALSE(feed(without_memory, 10, 1000));
}

// A/A: nothing changes but the noise of a shared machine; every alarm is a false one.
TEST(Drift, rarely_alarms_on_a_shared_machine_where_nothing_changed) {
  constexpr int kMachines = 50;
  constexpr int kCalls = 20'000;  // 800 blocks each.
  int alarms = 0;
  for (int i = 0; i < kMachines; ++i) {
    SimulatedMachine machine({}, 5000 + static_cast<std::uint64_t>(i));
    DriftDetector detector(10);
    for (int call = 0; call < kCalls; ++call) {
      alarms += detector.observe(machine.run(10, 1)) ? 1 : 0;
    }
  }
  const double per_million = alarms * 1e6 / (static_cast<double>(kMachines) * kCalls);
  std::printf("  %d false alarms in %d calls: %.1f per million\n", alarms, kMachines * kCalls,
              per_million);
  EXPECT_LE(per_million, 2);
}

TEST(Drift, finds_a_real_slowdown_in_the_same_noise) {
  constexpr int kMachines = 100;
  int found = 0;
  for (int i = 0; i < kMachines; ++i) {
    SimulatedMachine machine({}, 9000 + static_cast<std::uint64_t>(i));
    DriftDetector detector(10);
    bool alarm = false;
    for (int call = 0; call < 1000 && !alarm; ++call) {
      alarm = detector.observe(machine.run(14, 1)).has_value();
    }
    found += alarm ? 1 : 0;
  }
  EXPECT_EQ(found, kMachines) << "40 % slower is noticed within 1000 calls";
}

}  // namespace
}  // namespace accel::perf
