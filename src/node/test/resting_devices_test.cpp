// SPDX-License-Identifier: Apache-2.0
#include "serving/resting_devices.hpp"

#include <gtest/gtest.h>

namespace accel::node {
namespace {

using std::chrono::seconds;

constexpr SteadyTime kNow{seconds(1000)};

RestingDevice resting(const char* device, SteadyTime since) {
  return {device, "It was lost.", since + RestingDevices::kRest};
}

TEST(RestingDevices, rest_for_their_model_until_their_time_is_over) {
  RestingDevices devices;
  EXPECT_FALSE(devices.find("m", kNow));
  EXPECT_TRUE(devices.add("m", resting("cuda:0", kNow), kNow));
  EXPECT_EQ(devices.find("m", kNow + seconds(59))->device, "cuda:0");
  EXPECT_FALSE(devices.find("m", kNow + seconds(60)));
  EXPECT_FALSE(devices.find("other", kNow));
}

TEST(RestingDevices, are_added_once_a_rest_however_many_requests_failed) {
  RestingDevices devices;
  EXPECT_TRUE(devices.add("m", resting("cuda:0", kNow), kNow));
  const SteadyTime later = kNow + seconds(30);
  EXPECT_FALSE(devices.add("m", resting("cuda:0", later), later));
  EXPECT_FALSE(devices.find("m", kNow + seconds(60))) << "failing together makes no rest longer";
  const SteadyTime again = kNow + seconds(61);
  EXPECT_TRUE(devices.add("m", resting("cuda:0", again), again));
}

}  // namespace
}  // namespace accel::node
