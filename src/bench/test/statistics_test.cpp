// SPDX-License-Identifier: Apache-2.0
#include "accel/bench/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace accel::bench {
namespace {

std::vector<double> normal(std::mt19937_64& engine, std::size_t count, double mean, double sigma) {
  std::normal_distribution<double> distribution(mean, sigma);
  std::vector<double> samples(count);
  for (double& sample : samples) sample = distribution(engine);
  return samples;
}

TEST(Statistics, puts_the_median_inside_its_interval) {
  SeededRandom random(1);
  const std::vector<double> samples{9, 10, 11, 10, 12, 10, 9, 30};
  const auto interval = median_interval(samples, random);
  ASSERT_TRUE(interval);
  EXPECT_DOUBLE_EQ(interval->estimate, 10);
  EXPECT_LE(interval->low, 10);
  EXPECT_GE(interval->high, 10);
  EXPECT_LT(interval->high, 30);
}

TEST(Statistics, is_the_same_for_the_same_seed) {
  const std::vector<double> samples{9, 10, 11, 10, 12, 10, 9, 30};
  SeededRandom a(7);
  SeededRandom b(7);
  EXPECT_EQ(median_interval(samples, a)->low, median_interval(samples, b)->low);
}

TEST(Statistics, covers_the_true_median_about_as_often_as_it_says) {
  std::mt19937_64 engine(20261121);
  SeededRandom random(2);
  const BootstrapOptions options{0.9, 400};
  constexpr int kExperiments = 300;
  int covered = 0;
  for (int i = 0; i < kExperiments; ++i) {
    const auto interval = median_interval(normal(engine, 40, 10, 1), random, options);
    covered += interval->low <= 10 && interval->high >= 10 ? 1 : 0;
  }
  // 90 % promised; the percentile bootstrap of a median is a little conservative at this size.
  EXPECT_GT(covered, kExperiments * 85 / 100);
  EXPECT_LT(covered, kExperiments * 97 / 100);
}

TEST(Statistics, sees_a_small_ratio_of_pairs_through_noise_that_both_share) {
  std::mt19937_64 engine(5);
  SeededRandom random(3);
  std::uniform_real_distribution<double> machine(1, 3);  // The machine's speed, pair by pair.
  std::vector<double> a;
  std::vector<double> b;
  for (int i = 0; i < 60; ++i) {
    const double slow = machine(engine);
    a.push_back(10.5 * slow * (1 + 0.01 * std::sin(i)));
    b.push_back(10.0 * slow);
  }
  const auto ratio = paired_ratio_interval(a, b, random);
  ASSERT_TRUE(ratio);
  EXPECT_NEAR(ratio->estimate, 1.05, 0.005);
  EXPECT_GT(ratio->low, 1.03);
  EXPECT_LT(ratio->high, 1.07);
}

TEST(Statistics, refuses_samples_that_say_nothing) {
  SeededRandom random(4);
  const std::vector<double> none;
  const std::vector<double> bad{1, std::numeric_limits<double>::quiet_NaN()};
  const std::vector<double> one{1};
  const std::vector<double> zero{0};
  const std::vector<double> two{1, 2};
  EXPECT_EQ(median_interval(none, random).error().code, Errc::invalid_argument);
  EXPECT_EQ(median_interval(bad, random).error().code, Errc::invalid_argument);
  EXPECT_EQ(median_interval(one, random, {1.0, 10}).error().code, Errc::invalid_argument);
  EXPECT_EQ(median_interval(one, random, {0.9, 0}).error().code, Errc::invalid_argument);
  EXPECT_EQ(paired_ratio_interval(one, zero, random).error().code, Errc::invalid_argument);
  EXPECT_EQ(paired_ratio_interval(one, two, random).error().code, Errc::invalid_argument);
}

TEST(Statistics, summarizes_a_sample) {
  std::vector<double> samples;
  for (int i = 1; i <= 101; ++i) samples.push_back(i);
  const Summary summary = summarize(samples);
  EXPECT_EQ(summary.count, 101U);
  EXPECT_DOUBLE_EQ(summary.median, 51);
  EXPECT_DOUBLE_EQ(summary.p99, 100);
  EXPECT_DOUBLE_EQ(summary.min, 1);
  EXPECT_DOUBLE_EQ(summary.max, 101);
  EXPECT_DOUBLE_EQ(summary.mean, 51);
  EXPECT_EQ(summarize({}).count, 0U);
}

TEST(Statistics, tells_runs_that_depend_on_each_other_from_those_that_do_not) {
  std::mt19937_64 engine(6);
  EXPECT_LT(std::abs(autocorrelation(normal(engine, 2000, 10, 1))), 0.1);
  std::vector<double> bursts;
  for (int i = 0; i < 2000; ++i) bursts.push_back(i / 50 % 2 == 0 ? 10 : 20);
  EXPECT_GT(autocorrelation(bursts), 0.9);
  EXPECT_EQ(autocorrelation(std::vector<double>{1, 1, 1, 1}), 0);
  EXPECT_EQ(autocorrelation({}), 0);
}

}  // namespace
}  // namespace accel::bench
