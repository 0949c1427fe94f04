// SPDX-License-Identifier: Apache-2.0
#include "accel/core/run_delay.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace accel {
namespace {

TEST(RunDelay, grows_and_counts_no_sleep) {
  const Duration before = thread_run_delay();
  const SteadyTime start = system_clock().now();
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const Duration waited = thread_run_delay() - before;
  const Duration passed = system_clock().now() - start;
  EXPECT_GE(waited, Duration::zero());
  EXPECT_LE(waited, passed - std::chrono::milliseconds(5)) << "asleep is not waiting for a CPU";
}

TEST(RunDelay, is_of_the_calling_thread) {
  const Duration own = thread_run_delay();
  std::thread([own] {
    const Duration fresh = thread_run_delay();
    EXPECT_TRUE(fresh <= own || fresh < std::chrono::seconds(10));
  }).join();
}

}  // namespace
}  // namespace accel
