// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/cpu_info.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "captured_tree.hpp"

namespace accel::hardware {
namespace {

using ::testing::ElementsAre;

// A machine of two sockets with two cores of two threads each, and two NUMA nodes.
void write_two_sockets(const CapturedTree& tree) {
  std::string cpuinfo;
  for (int cpu = 0; cpu < 8; ++cpu) {
    cpuinfo += "processor\t: " + std::to_string(cpu) +
               "\nvendor_id\t: GenuineIntel\nmodel name\t: Test CPU\n"
               "flags\t\t: fpu avx2 fma avx512f amx_int8 unheard_of\n\n";
  }
  tree.write("proc/cpuinfo", cpuinfo);
  tree.write("proc/meminfo", "MemTotal: 33554432 kB\nMemAvailable: 16777216 kB\n");
  const std::string cpus = "sys/devices/system/cpu/";
  tree.write(cpus + "online", "0-7\n");
  for (int cpu = 0; cpu < 8; ++cpu) {
    const std::string topology = cpus + "cpu" + std::to_string(cpu) + "/topology/";
    const int sibling = cpu % 4;
    tree.write(topology + "thread_siblings_list",
               std::to_string(sibling) + "," + std::to_string(sibling + 4) + "\n");
    tree.write(topology + "physical_package_id", std::to_string(sibling / 2) + "\n");
  }
  tree.write(cpus + "cpu0/cache/index0/level", "1\n");
  tree.write(cpus + "cpu0/cache/index0/type", "Data\n");
  tree.write(cpus + "cpu0/cache/index0/size", "48K\n");
  tree.write(cpus + "cpu0/cache/index0/shared_cpu_list", "0,4\n");
  tree.write(cpus + "cpu0/cache/index1/level", "3\n");
  tree.write(cpus + "cpu0/cache/index1/type", "Unified\n");
  tree.write(cpus + "cpu0/cache/index1/size", "32M\n");
  tree.write(cpus + "cpu0/cache/index1/shared_cpu_list", "0-1,4-5\n");
  const std::string nodes = "sys/devices/system/node/";
  tree.write(nodes + "online", "0-1\n");
  tree.write(nodes + "node0/cpulist", "0-1,4-5\n");
  tree.write(nodes + "node0/meminfo", "Node 0 MemTotal: 16777216 kB\n");
  tree.write(nodes + "node1/cpulist", "2-3,6-7\n");
}

TEST(CpuInfo, counts_sockets_cores_and_threads) {
  CapturedTree tree;
  write_two_sockets(tree);
  const CpuInfo cpu = cpu_info(tree.root());
  EXPECT_EQ(cpu.sockets, 2);
  EXPECT_EQ(cpu.physical_cores, 4);
  EXPECT_EQ(cpu.logical_cpus, 8);
  EXPECT_EQ(cpu.model, "Test CPU");
  EXPECT_THAT(cpu.isa, ElementsAre("amx_int8", "avx2", "avx512f", "fma"));
  EXPECT_TRUE(cpu.has("avx512f"));
  EXPECT_FALSE(cpu.has("avx"));
}

TEST(CpuInfo, reads_caches_with_who_shares_them) {
  CapturedTree tree;
  write_two_sockets(tree);
  const CpuInfo cpu = cpu_info(tree.root());
  ASSERT_EQ(cpu.caches.size(), 2U);
  EXPECT_EQ(cpu.caches[1].shared_by, 4);
  EXPECT_EQ(cpu.caches[1].instances, 2);
  EXPECT_EQ(cpu.cache_bytes(3), 32U << 20U);
  EXPECT_EQ(cpu.cache_bytes(1), 48U << 10U);
  EXPECT_EQ(cpu.cache_bytes(2), 0U);
}

TEST(CpuInfo, reads_numa_nodes_and_memory) {
  CapturedTree tree;
  write_two_sockets(tree);
  const CpuInfo cpu = cpu_info(tree.root());
  ASSERT_EQ(cpu.numa.size(), 2U);
  EXPECT_THAT(cpu.numa[1].cpus, ElementsAre(2, 3, 6, 7));
  EXPECT_EQ(cpu.numa[0].memory_bytes, 16ULL << 30U);
  EXPECT_EQ(cpu.memory_total_bytes, 32ULL << 30U);
  EXPECT_EQ(cpu.memory_usable_bytes, 32ULL << 30U);
  EXPECT_EQ(cpu.memory_available_bytes, 16ULL << 30U);
}

TEST(CpuInfo, is_limited_by_its_control_group) {
  CapturedTree tree;
  write_two_sockets(tree);
  tree.write("proc/self/mountinfo", "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  tree.write("proc/self/cgroup", "0::/job\n");
  tree.write("sys/fs/cgroup/job/cpu.max", "50000 100000\n");
  tree.write("sys/fs/cgroup/job/memory.max", "1073741824\n");
  const CpuInfo cpu = cpu_info(tree.root());
  EXPECT_DOUBLE_EQ(cpu.cgroup.cpu_quota, 0.5);
  EXPECT_EQ(cpu.usable_threads, 1) << "half a CPU is one thread";
  EXPECT_EQ(cpu.memory_usable_bytes, 1ULL << 30U);
  EXPECT_EQ(cpu.memory_total_bytes, 32ULL << 30U);
}

TEST(CpuInfo, never_uses_more_threads_than_the_scheduler_allows) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const CpuInfo cpu = cpu_info();
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(cpu.usable_threads, 1);
  EXPECT_EQ(cpu.usable_physical_cores, 1);
  EXPECT_EQ(cpu.usable_cpus.size(), 1U);
}

TEST(CpuInfo, describes_this_machine) {
  const CpuInfo cpu = cpu_info();
  EXPECT_NE(cpu.architecture, "");
  EXPECT_NE(cpu.model, "");
  EXPECT_GE(cpu.logical_cpus, cpu.physical_cores);
  EXPECT_GE(cpu.usable_threads, 1);
  EXPECT_LE(cpu.usable_threads, cpu.logical_cpus);
  EXPECT_GT(cpu.memory_usable_bytes, 0U);
}

TEST(CpuInfo, leaves_defaults_where_the_system_says_nothing) {
  CapturedTree empty;
  const CpuInfo cpu = cpu_info(empty.root());
  EXPECT_EQ(cpu.physical_cores, 1);
  EXPECT_EQ(cpu.memory_total_bytes, 0U);
  EXPECT_TRUE(cpu.caches.empty());
  EXPECT_GE(cpu.usable_threads, 1);
}

TEST(CpuInfo, survives_files_that_hold_something_else) {
  CapturedTree tree;
  write_two_sockets(tree);
  tree.write("sys/devices/system/cpu/online", "banana\n");
  tree.write("sys/devices/system/node/online", "0-99999999999\n");
  tree.write("proc/meminfo", std::string(100'000, ':'));
  tree.write("proc/cpuinfo", std::string("\0\xFF:\n", 4));
  const CpuInfo cpu = cpu_info(tree.root());
  EXPECT_GE(cpu.usable_threads, 1);
  EXPECT_TRUE(cpu.numa.empty());
}

}  // namespace
}  // namespace accel::hardware
