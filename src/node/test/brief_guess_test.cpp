// SPDX-License-Identifier: Apache-2.0
#include "serving/brief_guess.hpp"

#include <gtest/gtest.h>

namespace accel::node {
namespace {

using std::chrono::microseconds;

constexpr std::size_t kInput = 64;

void see(BriefGuess& guess, int times, microseconds each, std::size_t bytes = kInput) {
  for (int i = 0; i < times; ++i) guess.took(each, bytes);
}

TEST(BriefGuess, expects_nothing_before_it_has_seen_enough) {
  BriefGuess guess;
  EXPECT_FALSE(guess.expects_brief(kInput));
  see(guess, 12, microseconds(10));
  EXPECT_FALSE(guess.expects_brief(kInput));
  see(guess, 1, microseconds(10));
  EXPECT_TRUE(guess.expects_brief(kInput));
}

TEST(BriefGuess, a_pause_now_and_then_changes_nothing_but_a_slow_model_does) {
  BriefGuess guess;
  see(guess, 16, microseconds(10));
  see(guess, 3, microseconds(5000));
  EXPECT_TRUE(guess.expects_brief(kInput));
  see(guess, 1, microseconds(5000));
  EXPECT_FALSE(guess.expects_brief(kInput));
  see(guess, 13, microseconds(10));
  EXPECT_TRUE(guess.expects_brief(kInput));
}

TEST(BriefGuess, a_larger_input_than_any_brief_one_is_not_brief) {
  BriefGuess guess;
  see(guess, 16, microseconds(10));
  EXPECT_FALSE(guess.expects_brief(kInput + 1));
  see(guess, 1, microseconds(50), 4096);
  EXPECT_TRUE(guess.expects_brief(4096));
  see(guess, 16, microseconds(5000));  // All slow: sizes are forgotten too.
  see(guess, 16, microseconds(10));
  EXPECT_FALSE(guess.expects_brief(4096));
}

}  // namespace
}  // namespace accel::node
