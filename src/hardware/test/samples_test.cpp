// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/samples.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace accel::hardware {
namespace {

TEST(Samples, interpolates_quantiles_as_numpy_does) {
  // numpy.quantile([15, 20, 35, 40, 50], [0.05, 0.3, 0.4, 0.5, 1.0]), NumPy 1.24.
  const std::vector<double> samples{50, 20, 35, 15, 40};
  EXPECT_DOUBLE_EQ(quantile(samples, 0.05), 16.0);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.3), 23.0);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.4), 29.0);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.5), 35.0);
  EXPECT_DOUBLE_EQ(quantile(samples, 1.0), 50.0);
}

TEST(Samples, takes_the_middle_of_an_even_sample) {
  EXPECT_DOUBLE_EQ(median(std::vector<double>{4, 1, 3, 2}), 2.5);
}

TEST(Samples, says_zero_of_nothing_and_the_value_of_one) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(scaled_mad({}), 0);
  EXPECT_EQ(relative_spread({}), 0);
  EXPECT_EQ(quantile(std::vector<double>{7}, 0.9), 7);
}

TEST(Samples, clamps_quantiles_outside_the_unit_interval) {
  EXPECT_EQ(quantile(std::vector<double>{1, 2}, -3), 1);
  EXPECT_EQ(quantile(std::vector<double>{1, 2}, 3), 2);
}

TEST(Samples, scales_the_median_deviation_to_a_standard_deviation) {
  EXPECT_NEAR(scaled_mad(std::vector<double>{1, 2, 3, 4, 100}), 1.4826, 1e-9);
}

TEST(Samples, shows_the_spread_relative_to_the_median) {
  EXPECT_DOUBLE_EQ(relative_spread(std::vector<double>{10, 10, 10}), 0);
  EXPECT_NEAR(relative_spread(std::vector<double>{8, 9, 10, 11, 12}), 0.32, 1e-9);
}

}  // namespace
}  // namespace accel::hardware
