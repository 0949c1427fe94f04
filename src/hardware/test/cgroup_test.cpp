// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/cgroup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "captured_tree.hpp"

namespace accel::hardware::cgroup {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;

constexpr std::string_view kV2Mounts =
    "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n";
constexpr std::string_view kV1Mounts =
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

TEST(Cgroup, reads_memberships_of_both_versions) {
  const auto groups = parse_membership("4:memory:/a/b\n1:cpu,cpuacct:/\n0::/user.slice\n");
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_THAT(groups[0].controllers, ElementsAre("memory"));
  EXPECT_EQ(groups[0].path, "/a/b");
  EXPECT_THAT(groups[1].controllers, ElementsAre("cpu", "cpuacct"));
  EXPECT_THAT(groups[2].controllers, IsEmpty());
  EXPECT_EQ(groups[2].path, "/user.slice");
}

TEST(Cgroup, keeps_colons_in_group_names_and_skips_lines_that_are_none) {
  const auto groups = parse_membership("0::/a:b\nnonsense\n1:cpu\n2:cpu:relative\n:::\n");
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].path, "/a:b");
}

TEST(Cgroup, finds_only_cgroup_mounts_and_undoes_their_escapes) {
  const auto mounts = parse_mounts(
      "1 2 0:3 / /with\\040blank rw shared:1 - cgroup2 none rw\n"
      "1 2 0:3 / /proc rw - proc proc rw\n"
      "1 2 0:3 / / rw - \n"
      "broken\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].mount_point, "/with blank");
  EXPECT_EQ(mounts[0].version, 2);
}

TEST(Cgroup, leaves_malformed_escapes_as_they_are) {
  EXPECT_EQ(parse_mounts("1 2 0:3 / /a\\04 rw - cgroup2 x rw\n")[0].mount_point, "/a\\04");
  EXPECT_EQ(parse_mounts("1 2 0:3 / /a\\999 rw - cgroup2 x rw\n")[0].mount_point, "/a\\999");
}

TEST(Cgroup, reads_quotas_as_cpus) {
  EXPECT_DOUBLE_EQ(parse_cpu_max("150000 100000\n").value().value(), 1.5);
  EXPECT_EQ(parse_cpu_max("max 100000\n").value(), std::nullopt);
  EXPECT_EQ(parse_cfs_quota("-1\n", "100000\n").value(), std::nullopt);
  EXPECT_DOUBLE_EQ(parse_cfs_quota("50000", "100000").value().value(), 0.5);
}

TEST(Cgroup, refuses_quotas_that_make_no_sense) {
  for (const char* text : {"", "max", "100000", "0 100000", "100000 0", "-5 100000", "x y"}) {
    EXPECT_FALSE(parse_cpu_max(text)) << text;
  }
}

TEST(Cgroup, reads_byte_limits_and_the_unlimited_of_version_1) {
  EXPECT_EQ(parse_byte_limit("1073741824\n").value(), 1073741824U);
  EXPECT_EQ(parse_byte_limit("max\n").value(), std::nullopt);
  EXPECT_EQ(parse_byte_limit("9223372036854771712\n").value(), std::nullopt);
  EXPECT_FALSE(parse_byte_limit("-1"));
  EXPECT_FALSE(parse_byte_limit(""));
}

TEST(Cgroup, places_groups_below_the_mounted_part_of_the_hierarchy) {
  const Mount whole{2, "/", "/sys/fs/cgroup", {}};
  EXPECT_EQ(group_folder(whole, "/a/b"), "/sys/fs/cgroup/a/b");
  EXPECT_EQ(group_folder(whole, "/"), "/sys/fs/cgroup");
  const Mount part{2, "/docker/x", "/sys/fs/cgroup", {}};
  EXPECT_EQ(group_folder(part, "/docker/x/y"), "/sys/fs/cgroup/y");
  EXPECT_EQ(group_folder(part, "/docker/x"), "/sys/fs/cgroup");
  EXPECT_EQ(group_folder(part, "/docker/xy"), std::nullopt);
  EXPECT_EQ(group_folder(part, "/other"), std::nullopt);
}

TEST(Cgroup, never_follows_a_group_path_out_of_its_mount) {
  EXPECT_EQ(group_folder({2, "/", "/sys/fs/cgroup", {}}, "/../../etc"), std::nullopt);
  EXPECT_EQ(group_folder({2, "/", "/sys/fs/cgroup", {}}, "/a/.."), std::nullopt);
}

TEST(Cgroup, takes_the_tightest_limit_on_the_way_up_in_version_2) {
  CapturedTree tree;
  tree.write("proc/self/mountinfo", kV2Mounts);
  tree.write("proc/self/cgroup", "0::/pod/app\n");
  tree.write("sys/fs/cgroup/pod/app/cpu.max", "max 100000\n");
  tree.write("sys/fs/cgroup/pod/cpu.max", "250000 100000\n");
  tree.write("sys/fs/cgroup/pod/app/memory.max", "4294967296\n");
  tree.write("sys/fs/cgroup/pod/app/memory.high", "3221225472\n");
  tree.write("sys/fs/cgroup/pod/memory.max", "8589934592\n");
  const CgroupLimits limits = read_limits(tree.root());
  EXPECT_EQ(limits.version, 2);
  EXPECT_DOUBLE_EQ(limits.cpu_quota, 2.5);
  EXPECT_THAT(limits.cpu_source, EndsWith("sys/fs/cgroup/pod/cpu.max"));
  EXPECT_EQ(limits.memory_bytes, 3221225472U);
  EXPECT_THAT(limits.memory_source, EndsWith("app/memory.high"));
}

TEST(Cgroup, reads_each_controller_of_version_1_from_its_own_mount) {
  CapturedTree tree;
  tree.write("proc/self/mountinfo", kV1Mounts);
  tree.write("proc/self/cgroup", "4:memory:/job\n1:cpu,cpuacct:/\n0::/\n");
  tree.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n");
  tree.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  tree.write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1073741824\n");
  tree.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const CgroupLimits limits = read_limits(tree.root());
  EXPECT_EQ(limits.version, 1);
  EXPECT_DOUBLE_EQ(limits.cpu_quota, 0.5);
  EXPECT_EQ(limits.memory_bytes, 1073741824U);
}

TEST(Cgroup, falls_back_to_the_mount_point_when_the_group_is_not_visible) {
  CapturedTree tree;
  tree.write("proc/self/mountinfo", kV2Mounts);
  tree.write("proc/self/cgroup", "0::/../../elsewhere\n");
  tree.write("sys/fs/cgroup/cpu.max", "100000 100000\n");
  EXPECT_DOUBLE_EQ(read_limits(tree.root()).cpu_quota, 1.0);
}

TEST(Cgroup, says_no_limits_where_there_are_no_groups_or_only_damaged_files) {
  CapturedTree empty;
  EXPECT_EQ(read_limits(empty.root()).version, 0);
  CapturedTree damaged;
  damaged.write("proc/self/mountinfo", kV2Mounts);
  damaged.write("proc/self/cgroup", "0::/a\n");
  damaged.write("sys/fs/cgroup/a/cpu.max", "lots of it\n");
  damaged.write("sys/fs/cgroup/a/memory.max", "\xFF\xFE\n");
  const CgroupLimits limits = read_limits(damaged.root());
  EXPECT_EQ(limits.version, 2);
  EXPECT_EQ(limits.cpu_quota, 0);
  EXPECT_EQ(limits.memory_bytes, 0U);
}

}  // namespace
}  // namespace accel::hardware::cgroup
