// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/ticker.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace accel {
namespace {

using namespace std::chrono_literals;

TEST(Ticker, ticks_until_it_is_destroyed) {
  std::atomic<int> ticks = 0;
  std::latch third(3);
  {
    const Ticker ticker(1ms, [&] {
      if (++ticks <= 3) third.count_down();
    });
    third.wait();
  }
  const int seen = ticks;
  EXPECT_GE(seen, 3);
  EXPECT_EQ(ticks, seen);
}

TEST(Ticker, ends_at_once_although_its_interval_is_long) {
  std::atomic<int> ticks = 0;
  {
    const Ticker ticker(24h, [&] { ++ticks; });
  }
  EXPECT_EQ(ticks, 0);
}

}  // namespace
}  // namespace accel
