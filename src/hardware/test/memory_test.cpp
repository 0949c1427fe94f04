// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "accel/hardware/cgroup.hpp"
#include "captured_tree.hpp"

namespace accel::hardware {
namespace {

constexpr std::uint64_t kMib = 1U << 20U;

TEST(ProcessMemory, is_what_the_kernel_counts_in_pages) {
  const CapturedTree tree;
  tree.write("proc/self/statm", "5000 300 100 7 0 900 0\n");
  const auto memory = process_memory(tree.root());
  ASSERT_TRUE(memory);
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  EXPECT_EQ(memory->resident_bytes, 300 * page);
  EXPECT_EQ(memory->anonymous_bytes, 200 * page);
}

TEST(ProcessMemory, of_a_malformed_file_is_nothing) {
  for (const char* text : {"", "1", "1 2", "1 x 3", "a b c"}) {
    const CapturedTree tree;
    tree.write("proc/self/statm", text);
    EXPECT_FALSE(process_memory(tree.root())) << text;
  }
  EXPECT_FALSE(process_memory(CapturedTree().root()));
}

TEST(ProcessMemory, grows_with_what_this_process_touches_and_shrinks_again) {
  const auto before = process_memory();
  ASSERT_TRUE(before);
  constexpr std::size_t kBytes = 64 * kMib;
  void* const pages =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  std::memset(pages, 1, kBytes);
  const auto with = process_memory();
  ::munmap(pages, kBytes);
  const auto after = process_memory();
  EXPECT_GT(with->anonymous_bytes, before->anonymous_bytes + 60 * kMib);
  EXPECT_LT(after->anonymous_bytes, before->anonymous_bytes + 4 * kMib);
}

TEST(PeakMemory, is_the_most_since_it_was_begun_anew) {
  if (!restart_peak_memory()) GTEST_SKIP() << "the kernel has no /proc/self/clear_refs";
  constexpr std::size_t kBytes = 64 * kMib;
  const auto before = process_memory();
  void* const pages =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  std::memset(pages, 1, kBytes);
  ::munmap(pages, kBytes);
  EXPECT_GT(peak_memory(), before->resident_bytes + 60 * kMib);
  ASSERT_TRUE(restart_peak_memory());
  EXPECT_LT(peak_memory(), before->resident_bytes + 32 * kMib);
}

TEST(PeakMemory, of_a_malformed_file_is_nothing) {
  for (const char* text : {"", "VmHWM:", "VmHWM: x kB\n", "VmRSS: 3 kB\n"}) {
    const CapturedTree tree;
    tree.write("proc/self/status", text);
    EXPECT_FALSE(peak_memory(tree.root())) << text;
  }
  EXPECT_FALSE(peak_memory(CapturedTree().root()));
  EXPECT_FALSE(restart_peak_memory(CapturedTree().root()));
}

TEST(MemoryHeadroom, is_the_least_of_the_machine_and_its_groups) {
  const CapturedTree tree;
  tree.write("proc/meminfo", "MemTotal: 8000 kB\nMemAvailable: 5000 kB\n");
  EXPECT_EQ(memory_headroom(tree.root()), 5000U * 1024);
  tree.write("proc/self/cgroup", "0::/a/b\n");
  tree.write("proc/self/mountinfo", "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  tree.write("sys/fs/cgroup/a/memory.max", "4000000\n");
  tree.write("sys/fs/cgroup/a/memory.current", "1000000\n");
  EXPECT_EQ(memory_headroom(tree.root()), 3'000'000U);
  tree.write("sys/fs/cgroup/a/b/memory.max", "2000000\n");
  tree.write("sys/fs/cgroup/a/b/memory.current", "1900000\n");
  tree.write("sys/fs/cgroup/a/b/memory.stat", "anon 1000000\ninactive_file 400000\n");
  EXPECT_EQ(memory_headroom(tree.root()), 500'000U) << "old files in the page cache can go";
  tree.write("sys/fs/cgroup/a/b/memory.high", "1600000\n");
  EXPECT_EQ(memory_headroom(tree.root()), 100'000U);
  tree.write("sys/fs/cgroup/a/b/memory.current", "9900000\n");
  EXPECT_EQ(memory_headroom(tree.root()), 0U) << "never below zero";
}

TEST(MemoryHeadroom, reads_version_1_too) {
  const CapturedTree tree;
  tree.write("proc/self/cgroup", "4:memory:/x\n");
  tree.write("proc/self/mountinfo",
             "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup memory\n");
  tree.write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1000\n");
  tree.write("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "700\n");
  tree.write("sys/fs/cgroup/memory/x/memory.stat", "inactive_file 9\ntotal_inactive_file 200\n");
  EXPECT_EQ(cgroup::read_memory_left(tree.root()), 500U);
  tree.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(memory_headroom(tree.root()), 500U) << "no limit above";
  EXPECT_FALSE(memory_headroom(CapturedTree().root()));
}

}  // namespace
}  // namespace accel::hardware
