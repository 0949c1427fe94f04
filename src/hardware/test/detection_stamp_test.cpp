// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accel/hardware/platform.hpp"
#include "captured_tree.hpp"

namespace accel::hardware {
namespace {

DetectOptions on(const CapturedTree& tree) {
  DetectOptions options;
  options.root = tree.root();
  options.library_directories = {tree.root() / "libraries"};
  return options;
}

TEST(DetectionStamp, stays_while_nothing_changes) {
  CapturedTree tree;
  tree.write("proc/sys/kernel/random/boot_id", "b6d5\n");
  EXPECT_EQ(detection_stamp(on(tree)), detection_stamp(on(tree)));
}

TEST(DetectionStamp, changes_with_boots_devices_modules_and_libraries) {
  CapturedTree tree;
  tree.write("proc/sys/kernel/random/boot_id", "b6d5\n");
  std::string last = detection_stamp(on(tree));
  const auto changes = [&](const std::string& path, std::string_view text) {
    tree.write(path, text);
    const std::string now = detection_stamp(on(tree));
    const bool changed = now != last;
    last = now;
    return changed;
  };
  EXPECT_TRUE(changes("dev/nvidia0", ""));
  EXPECT_TRUE(changes("dev/kfd", ""));
  EXPECT_TRUE(changes("dev/dri/renderD128", ""));
  EXPECT_TRUE(changes("sys/module/nvidia/version", "550.54\n"));
  EXPECT_TRUE(changes("sys/module/nvidia/version", "560.10\n"));
  EXPECT_TRUE(changes("libraries/libcuda.so.1", "x"));
  EXPECT_TRUE(changes("etc/ld.so.cache", "x"));
  EXPECT_TRUE(changes("etc/ld.so.cache", "longer"));
  EXPECT_TRUE(changes("proc/sys/kernel/random/boot_id", "another\n"));
  EXPECT_FALSE(changes("proc/unrelated", "x"));
}

}  // namespace
}  // namespace accel::hardware
