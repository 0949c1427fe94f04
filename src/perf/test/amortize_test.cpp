// SPDX-License-Identifier: Apache-2.0
#include "accel/perf/amortize.hpp"

#include <gtest/gtest.h>

#include <array>

namespace accel::perf {
namespace {

constexpr std::array kCosts{RunCost{.open_ms = 200, .call_ms = 2},
                            RunCost{.open_ms = 40, .call_ms = 3}};

TEST(Amortize, a_single_call_goes_to_what_opens_quickly) { EXPECT_EQ(done_first(kCosts, 1), 1U); }

TEST(Amortize, many_calls_go_to_what_computes_quickly) { EXPECT_EQ(done_first(kCosts, 200), 0U); }

TEST(Amortize, the_first_of_equals_stays) {
  EXPECT_EQ(done_first(kCosts, 160), 0U);
  EXPECT_EQ(done_first(std::array{kCosts[1]}, 160), 0U);
}

}  // namespace
}  // namespace accel::perf
