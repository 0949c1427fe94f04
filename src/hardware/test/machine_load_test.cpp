// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/machine_load.hpp"

#include <gtest/gtest.h>

namespace accel::hardware {
namespace {

using std::chrono::milliseconds;

LoadReading reading(milliseconds at, double machine_s, double own_s, double wait_s) {
  LoadReading value;
  value.at = SteadyTime{} + at;
  value.machine_busy_s = machine_s;
  value.own_busy_s = own_s;
  value.own_wait_s = wait_s;
  value.usable_cpus = 2;
  value.valid = true;
  return value;
}

TEST(MachineLoad, counts_only_what_others_used_of_the_usable_cpus) {
  // One second on two CPUs: 1.5 CPU seconds were used, 1.0 of them by us.
  const auto load =
      load_between(reading(milliseconds(0), 10, 3, 0), reading(milliseconds(1000), 11.5, 4, 0));
  ASSERT_TRUE(load);
  EXPECT_NEAR(load->others, 0.25, 1e-9);
  EXPECT_NEAR(load->value(), 0.25, 1e-9);
}

TEST(MachineLoad, sees_waiting_for_a_cpu_in_windows_too_short_for_ticks) {
  const auto load = load_between(reading(milliseconds(0), 10, 3, 0),
                                 reading(milliseconds(20), 10.02, 3.015, 0.005));
  ASSERT_TRUE(load);
  EXPECT_EQ(load->others, 0) << "two ticks of 10 ms say nothing about 20 ms";
  EXPECT_NEAR(load->value(), 0.25, 1e-9) << "5 ms waiting, 15 ms running";
}

TEST(MachineLoad, is_zero_when_only_we_run) {
  const auto load =
      load_between(reading(milliseconds(0), 10, 3, 0), reading(milliseconds(500), 11, 4, 0));
  EXPECT_EQ(load->value(), 0);
}

TEST(MachineLoad, stays_between_0_and_1_whatever_the_counters_do) {
  // Children that were waited for bring old CPU time; counters of CPUs that went away go back.
  for (const LoadReading& after :
       {reading(milliseconds(500), 9, 50, 0), reading(milliseconds(500), 900, 3, 0),
        reading(milliseconds(500), 10, 1, -5)}) {
    const auto load = load_between(reading(milliseconds(0), 10, 3, 0), after);
    ASSERT_TRUE(load);
    EXPECT_GE(load->value(), 0);
    EXPECT_LE(load->value(), 1);
  }
}

TEST(MachineLoad, says_nothing_of_an_empty_window_or_invalid_readings) {
  const LoadReading now = reading(milliseconds(5), 1, 1, 0);
  EXPECT_FALSE(load_between(now, now));
  LoadReading invalid = reading(milliseconds(50), 1, 1, 0);
  invalid.valid = false;
  EXPECT_FALSE(load_between(now, invalid));
}

TEST(MachineLoad, reads_this_machines_counters) {
  const LoadReading before = read_load();
  ASSERT_TRUE(before.valid);
  EXPECT_GE(before.usable_cpus, 1);
  EXPECT_GT(before.machine_busy_s, 0);
  const double load = machine_load(milliseconds(30));
  EXPECT_GE(load, 0);
  EXPECT_LE(load, 1);
}

TEST(MachineLoad, returns_at_once_when_it_was_stopped) {
  std::stop_source source;
  source.request_stop();
  const SteadyTime start = system_clock().now();
  (void)machine_load(std::chrono::minutes(10), source.get_token());
  EXPECT_LT(system_clock().now() - start, std::chrono::minutes(1));
}

}  // namespace
}  // namespace accel::hardware
