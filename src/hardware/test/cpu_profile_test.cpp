// SPDX-License-Identifier: Apache-2.0
// No test here asserts a speed: machines are shared. What is tested is that the work was done.
#include "accel/hardware/cpu_profile.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "cpu_kernels.hpp"

namespace accel::hardware {
namespace {

constexpr Duration kShort = std::chrono::milliseconds(200);

CpuInfo small_cpu(int threads) {
  CpuInfo cpu = cpu_info();
  cpu.usable_threads = threads;
  cpu.caches.clear();
  cpu.memory_usable_bytes = 256ULL << 20U;  // 16 MiB buffers.
  return cpu;
}

double expected_f32(const detail::ComputeKernel& kernel, int rounds) {
  double sum = 0;
  for (std::size_t lane = 0; lane < kernel.lanes; ++lane) {
    double value = static_cast<double>(lane);
    for (int round = 0; round < rounds; ++round) {
      value = value * static_cast<double>(detail::kKernelFactor) +
              static_cast<double>(detail::kKernelTerm);
    }
    sum += value * static_cast<double>(kernel.elements);
  }
  return sum;
}

double expected_int8(const detail::ComputeKernel& kernel, int rounds) {
  const double product = detail::kKernelLeft * detail::kKernelRight;
  const double each = product * rounds * static_cast<double>(kernel.products);
  double sum = 0;
  for (std::size_t lane = 0; lane < kernel.lanes; ++lane) {
    sum += (static_cast<double>(lane) + each) * static_cast<double>(kernel.elements);
  }
  return sum;
}

TEST(CpuKernels, every_kernel_this_cpu_can_run_does_the_arithmetic_it_is_counted_for) {
  constexpr int kRounds = 1000;
  const auto kernels = detail::runnable_kernels(cpu_info());
  ASSERT_GE(kernels.size(), 2U) << "the portable ones run everywhere";
  for (const detail::ComputeKernel* kernel : kernels) {
    const double value = kernel->run(kRounds);
    const double as_f32 = expected_f32(*kernel, kRounds);
    const double as_int8 = expected_int8(*kernel, kRounds);
    const double off =
        std::min(std::abs(value - as_f32) / as_f32, std::abs(value - as_int8) / as_int8);
    EXPECT_LT(off, 1e-4) << kernel->name << " gives " << value;
  }
}

TEST(CpuKernels, falls_back_to_portable_kernels_on_a_cpu_without_extensions) {
  EXPECT_EQ(detail::f32_kernel(CpuInfo{}).needs[0], "");
  EXPECT_EQ(detail::int8_kernel(CpuInfo{}).needs[0], "");
}

TEST(CpuKernels, counts_two_operations_for_each_multiply_and_add) {
  CpuInfo cpu;
  cpu.isa = {"avx2", "avx512_vnni", "avx512f", "fma"};
#if defined(__x86_64__)
  EXPECT_EQ(detail::f32_kernel(cpu).operations_per_round(), 16 * 16 * 2);
  EXPECT_EQ(detail::int8_kernel(cpu).operations_per_round(), 16 * 64 * 2);
#endif
}

TEST(CpuKernels, reading_memory_folds_every_byte) {
  std::vector<std::uint64_t> words(4096 + 8);
  void* start = words.data();
  std::size_t space = words.size() * sizeof(std::uint64_t);
  auto* data = static_cast<std::uint8_t*>(std::align(64, 32768, start, space));
  std::iota(data, data + 32768, std::uint8_t{1});
  const std::uint64_t before = detail::read_memory(data, 32768);
  for (const std::size_t at : {0U, 1U, 127U, 20000U, 32767U}) {
    data[at] ^= 0x10U;
    EXPECT_NE(detail::read_memory(data, 32768), before) << at;
    data[at] ^= 0x10U;
  }
  EXPECT_EQ(detail::read_memory(data, 32768), before);
}

TEST(CpuProfile, measures_four_figures_on_one_thread_and_on_all) {
  const auto profile = measure_cpu(small_cpu(2), kShort);
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->figures.size(), 8U);
  for (const char* name : {"memory_copy", "memory_read", "flops_f32", "ops_int8"}) {
    for (const int threads : {1, 2}) {
      const CpuFigure* figure = profile->find(name, threads);
      ASSERT_NE(figure, nullptr) << name << " x" << threads;
      EXPECT_GT(figure->value, 0) << name;
      EXPECT_GE(figure->samples.size(), 3U);
      EXPECT_NE(figure->method, "");
      EXPECT_NE(figure->unit, "");
    }
  }
}

TEST(CpuProfile, measures_each_figure_once_where_there_is_one_thread) {
  const auto profile = measure_cpu(small_cpu(1), kShort);
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->figures.size(), 4U);
  EXPECT_EQ(profile->find("flops_f32", 2), nullptr);
}

TEST(CpuProfile, ends_with_cancelled_when_it_was_stopped_before) {
  std::stop_source source;
  source.request_stop();
  const auto profile = measure_cpu(small_cpu(2), std::chrono::seconds(60), source.get_token());
  EXPECT_EQ(profile.error().code, Errc::cancelled);
}

}  // namespace
}  // namespace accel::hardware
