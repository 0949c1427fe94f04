// SPDX-License-Identifier: Apache-2.0
#include "batching/batch_cost.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace accel::inference::batching {
namespace {

Duration ms(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(value));
}

// A run takes 5 ms and 0.5 ms for each token: as much as ten tokens.
void teach(BatchCost& cost, std::initializer_list<std::size_t> sizes) {
  for (int round = 0; round < 8; ++round) {
    for (const std::size_t tokens : sizes)
      cost.learn(tokens, ms(5 + 0.5 * static_cast<double>(tokens)));
  }
}

TEST(BatchCost, joins_all_while_nothing_is_known) {
  const BatchCost cost;
  EXPECT_EQ(cost.ms(100), 0);
  EXPECT_TRUE(cost.pays(1000, 8, 8));
}

TEST(BatchCost, finds_what_a_run_costs_and_what_a_token_does) {
  BatchCost cost;
  teach(cost, {16, 64, 256});
  EXPECT_NEAR(cost.ms(16), 13, 0.5);
  EXPECT_NEAR(cost.ms(100), 55, 1) << "a size that never ran";
  EXPECT_NEAR(cost.ms(1024), 517, 5) << "beyond what ran";
}

TEST(BatchCost, short_rows_are_worth_joining_and_long_ones_are_not) {
  BatchCost cost;
  teach(cost, {16, 64, 256});
  EXPECT_TRUE(cost.pays(32, 16, 16));
  EXPECT_FALSE(cost.pays(512, 256, 256)) << "a run less is 2 %";
}

TEST(BatchCost, padding_must_cost_less_than_a_run) {
  BatchCost cost;
  teach(cost, {16, 64, 256});
  EXPECT_TRUE(cost.pays(2 * 20, 20, 16));
  EXPECT_FALSE(cost.pays(2 * 40, 40, 20)) << "20 tokens of padding for a run of 10";
}

TEST(BatchCost, where_runs_cost_much_all_is_joined) {
  BatchCost cost;  // A GPU: 5 ms whatever it is.
  for (int round = 0; round < 8; ++round) {
    for (const std::size_t tokens : {16U, 64U, 256U}) cost.learn(tokens, ms(5));
  }
  EXPECT_TRUE(cost.pays(4096, 2048, 1024));
}

TEST(BatchCost, a_size_that_turned_out_slow_is_left_alone) {
  BatchCost cost;
  teach(cost, {16, 32, 64});
  EXPECT_TRUE(cost.pays(128, 64, 64));
  for (int round = 0; round < 4; ++round) cost.learn(128, ms(200));
  EXPECT_FALSE(cost.pays(128, 64, 64));
}

TEST(BatchCost, what_differs_by_noise_alone_keeps_nothing_apart) {
  BatchCost cost;
  teach(cost, {16, 32, 64, 128});
  for (int round = 0; round < 8; ++round) {
    cost.learn(32, ms(21 * 0.94));
    cost.learn(64, ms(37 * 1.06));
  }
  EXPECT_TRUE(cost.pays(64, 32, 32));
}

TEST(BatchCost, of_equal_sizes_alone_a_guess_is_made) {
  BatchCost cost;
  teach(cost, {16});
  EXPECT_TRUE(cost.pays(32, 16, 16));
  EXPECT_FALSE(cost.pays(1024, 512, 512));
}

TEST(BatchCost, zeros_and_giants_are_no_harm) {
  BatchCost cost;
  cost.learn(0, Duration::zero());
  cost.learn(SIZE_MAX, Duration::max());
  cost.learn(1, ms(-1));
  EXPECT_FALSE(std::isnan(cost.ms(0)));
  EXPECT_FALSE(std::isnan(cost.ms(SIZE_MAX)));
}

}  // namespace
}  // namespace accel::inference::batching
