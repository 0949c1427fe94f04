// SPDX-License-Identifier: Apache-2.0
#include "serving/drift_watch.hpp"

#include <gtest/gtest.h>

namespace accel::node {
namespace {

constexpr int kCalls = 600;  // The detector needs at least eight blocks of 32.

bool drifts(DriftWatch& watch, const std::string& choice, double latency_ms) {
  bool drifted = false;
  for (int i = 0; i < kCalls; ++i) {
    DriftWatch::Call call(watch);
    drifted |= call.drifted(choice, 10, latency_ms, 0);
  }
  return drifted;
}

TEST(DriftWatch, notices_a_model_that_became_slower) {
  DriftWatch watch;
  EXPECT_FALSE(drifts(watch, "a", 10));
  EXPECT_TRUE(drifts(watch, "a", 25));
}

TEST(DriftWatch, keeps_the_shapes_apart) {
  DriftWatch watch;
  bool drifted = false;
  for (int i = 0; i < kCalls; ++i) {
    DriftWatch::Call call(watch);
    drifted |= call.drifted("short", 10, 10, 0) || call.drifted("long", 80, 80, 0);
  }
  EXPECT_FALSE(drifted);
}

TEST(DriftWatch, does_not_look_at_calls_beside_each_other_or_under_load) {
  DriftWatch watch;
  {
    const DriftWatch::Call beside(watch);
    EXPECT_FALSE(drifts(watch, "a", 25));
  }
  bool drifted = false;
  for (int i = 0; i < kCalls; ++i) {
    DriftWatch::Call call(watch);
    drifted |= call.drifted("a", 10, 25, 0.9);
  }
  EXPECT_FALSE(drifted);
}

TEST(DriftWatch, starts_over_when_the_choice_was_measured_anew) {
  DriftWatch watch;
  for (int i = 0; i < 200; ++i) {
    DriftWatch::Call call(watch);
    EXPECT_FALSE(call.drifted("a", 10, 25, 0));
  }
  watch.measured("a");
  bool drifted = false;
  for (int i = 0; i < 200; ++i) {
    DriftWatch::Call call(watch);
    drifted |= call.drifted("a", 25, 25, 0);
  }
  EXPECT_FALSE(drifted);
}

}  // namespace
}  // namespace accel::node
