// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/procfs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accel/core/random.hpp"

namespace accel::hardware::procfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Captured on the machines named; long lines cut.
constexpr std::string_view kEpycCpuinfo =
    "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\n"
    "model name\t: AMD EPYC\nstepping\t: 1\ncpu MHz\t\t: 2596.096\n"
    "flags\t\t: fpu avx2 hypervisor avx512f avx_vnni avx512_bf16 sha_ni avx512_vnni\n\n"
    "processor\t: 1\nvendor_id\t: AuthenticAMD\nmodel name\t: another\nflags\t\t: fpu\n";
constexpr std::string_view kGravitonCpuinfo =
    "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd asimddp sve i8mm bf16\n"
    "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0xd40\n";

TEST(Procfs, reads_the_first_processor_of_an_x86_cpuinfo_and_counts_all) {
  const auto info = parse_cpuinfo(kEpycCpuinfo);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->processors, 2);
  EXPECT_EQ(info->vendor, "AuthenticAMD");
  EXPECT_EQ(info->model, "AMD EPYC");
  EXPECT_EQ(info->family, "family 26 model 2 stepping 1");
  EXPECT_TRUE(info->hypervisor);
  EXPECT_EQ(info->flags.size(), 8U);
}

TEST(Procfs, reads_the_features_and_part_of_an_arm_cpuinfo) {
  const auto info = parse_cpuinfo(kGravitonCpuinfo);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->vendor, "implementer 0x41");
  EXPECT_EQ(info->family, "variant 0x1 part 0xd40");
  EXPECT_THAT(info->flags, ElementsAre("fp", "asimd", "asimddp", "sve", "i8mm", "bf16"));
  EXPECT_FALSE(info->hypervisor);
}

TEST(Procfs, refuses_a_cpuinfo_without_a_processor) {
  EXPECT_EQ(parse_cpuinfo("").error().code, Errc::invalid_argument);
  EXPECT_EQ(parse_cpuinfo("model name : x\n").error().code, Errc::invalid_argument);
}

TEST(Procfs, cuts_hostile_lengths_out_of_cpuinfo) {
  const std::string text = "processor : 0\nmodel name : " + std::string(100'000, 'x') + "\n";
  EXPECT_LE(parse_cpuinfo(text)->model.size(), 80U);
  const std::string flags = "processor : 0\nflags : " + [] {
    std::string many;
    for (int i = 0; i < 10'000; ++i) many += "f ";
    return many;
  }();
  EXPECT_LE(parse_cpuinfo(flags)->flags.size(), 1024U);
}

TEST(Procfs, reads_cpu_lists_with_ranges_sorted_and_without_duplicates) {
  EXPECT_THAT(*parse_cpu_list("0-3,8"), ElementsAre(0, 1, 2, 3, 8));
  EXPECT_THAT(*parse_cpu_list("8,0-1,1\n"), ElementsAre(0, 1, 8));
  EXPECT_THAT(*parse_cpu_list("\n"), IsEmpty());
}

TEST(Procfs, refuses_cpu_lists_that_run_backwards_or_are_no_lists) {
  for (const char* text : {"3-1", "a", "1-", "-1", "1,,2", ",", "0x1", "1 2"}) {
    EXPECT_EQ(parse_cpu_list(text).error().code, Errc::invalid_argument) << text;
  }
}

TEST(Procfs, refuses_cpu_lists_that_would_take_all_memory) {
  EXPECT_FALSE(parse_cpu_list("0-99999999999"));
  EXPECT_FALSE(parse_cpu_list("0-4000000000"));
  std::string repeated;
  for (int i = 0; i < 1000; ++i) repeated += "0-16383,";
  EXPECT_FALSE(parse_cpu_list(repeated + "0"));
}

TEST(Procfs, reads_sizes_in_powers_of_1024) {
  EXPECT_EQ(parse_size("32K").value(), 32768U);
  EXPECT_EQ(parse_size("33M\n").value(), 33U << 20U);
  EXPECT_EQ(parse_size("512").value(), 512U);
}

TEST(Procfs, refuses_sizes_that_overflow_or_are_none) {
  for (const char* text : {"", "K", "-1K", "1T", "18446744073709551615K", "1.5M"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Procfs, reads_meminfo_in_bytes) {
  const auto values = parse_meminfo(
      "MemTotal:       24684092 kB\nMemAvailable:   24372696 kB\nHugePages_Total:       3\n");
  EXPECT_EQ(values.at("MemTotal"), 24684092ULL * 1024);
  EXPECT_EQ(values.at("MemAvailable"), 24372696ULL * 1024);
  EXPECT_EQ(values.at("HugePages_Total"), 3U);
}

TEST(Procfs, reads_meminfo_of_a_numa_node_by_the_same_names) {
  EXPECT_EQ(parse_meminfo("Node 0 MemTotal:       100 kB\n").at("MemTotal"), 102400U);
}

TEST(Procfs, leaves_out_meminfo_lines_it_does_not_understand) {
  EXPECT_THAT(parse_meminfo("MemTotal: lots kB\nMemFree\n: 3\nX: 99999999999999999999 kB\n"),
              ::testing::Contains(::testing::Pair("", 3U)));
}

TEST(Procfs, sums_busy_ticks_with_stolen_time_and_without_guest_time) {
  // Fields of proc(5): user nice system idle iowait irq softirq steal guest guest_nice.
  const auto cpus = parse_stat(
      "cpu  30 0 10 200 5 1 2 4 9 0\ncpu0 10 0 5 100 2 0 1 2 9 0\ncpu1 20 0 5 100 3 1 1 2 0 0\n"
      "intr 1 2 3\nctxt 5\n");
  ASSERT_TRUE(cpus);
  ASSERT_EQ(cpus->size(), 2U);
  EXPECT_EQ(cpus->at(0).busy, 18U);
  EXPECT_EQ(cpus->at(0).idle, 102U);
  EXPECT_EQ(cpus->at(0).stolen, 2U);
  EXPECT_EQ(cpus->at(1).busy, 29U);
}

TEST(Procfs, refuses_a_stat_without_cpus) {
  EXPECT_FALSE(parse_stat(""));
  EXPECT_FALSE(parse_stat("cpu  1 2 3\n"));
  EXPECT_FALSE(parse_stat("cpux 1 2 3\ncpu99999999 1 2 3\n"));
}

TEST(Procfs, reads_run_and_wait_times_of_schedstat) {
  const auto stat = parse_schedstat("1200 2305070 17\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->run_ns, 1200U);
  EXPECT_EQ(stat->wait_ns, 2305070U);
  EXPECT_FALSE(parse_schedstat("1200\n"));
  EXPECT_FALSE(parse_schedstat("a b c"));
}

TEST(Procfs, reads_properties_of_a_kfd_node) {
  const auto properties =
      parse_properties("cpu_cores_count 0\nsimd_count 1216\ngfx_target_version 90402\nname x\n");
  EXPECT_EQ(properties.at("simd_count"), 1216U);
  EXPECT_EQ(properties.at("gfx_target_version"), 90402U);
  EXPECT_FALSE(properties.contains("name"));
}

TEST(Procfs, finds_the_version_of_both_kinds_of_nvidia_modules) {
  EXPECT_EQ(parse_nvidia_version("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue "
                                 "Mar  5 22:23:56 UTC 2024\nGCC version:  gcc 12.2.0\n"),
            "550.54.15");
  EXPECT_EQ(parse_nvidia_version("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  "
                                 "570.86.15  Release Build\n"),
            "570.86.15");
  EXPECT_EQ(parse_nvidia_version("GCC version:  gcc 12.2.0\n"), std::nullopt);
}

TEST(Procfs, quotes_hostile_text_in_messages_only_shortly) {
  EXPECT_LT(parse_number(std::string(1'000'000, '9')).error().message.size(), 200U);
  EXPECT_THAT(parse_number("ten").error().message, HasSubstr("\"ten\""));
}

TEST(Procfs, survives_random_damage_to_captured_text) {
  constexpr std::uint64_t kSeed = 20261121;
  SCOPED_TRACE(kSeed);
  SeededRandom random(kSeed);
  for (int round = 0; round < 2000; ++round) {
    std::string text(kEpycCpuinfo);
    for (int hits = 0; hits < 8; ++hits) {
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    }
    (void)parse_cpuinfo(text);
    (void)parse_stat(text);
    (void)parse_meminfo(text);
    (void)parse_properties(text);
    (void)parse_nvidia_version(text);
    (void)parse_cpu_list(text.substr(random.below(text.size())));
  }
}

}  // namespace
}  // namespace accel::hardware::procfs
