// SPDX-License-Identifier: Apache-2.0
#pragma once
// The inner loops of the CPU micro-benchmark, one per instruction set. Private to hardware.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "accel/hardware/cpu_info.hpp"

namespace accel::hardware::detail {

// What all kernels compute, so that one test can check each: lane i starts at i; a round takes a
// float x to x * factor + term, and adds `products` times left * right to a 32-bit integer.
inline constexpr float kKernelFactor = 0.999F;
inline constexpr float kKernelTerm = 0.001F;
inline constexpr int kKernelLeft = 5;
inline constexpr int kKernelRight = 3;

// Arithmetic on registers alone.
struct ComputeKernel {
  std::string_view name;      // "AVX-512 FMA, 16 accumulators of 16 floats"
  std::string_view needs[2];  // Extensions of CpuInfo::isa; empty: none.
  std::size_t lanes = 0;      // Accumulators,
  std::size_t elements = 0;   // each of so many floats or 32-bit integers,
  std::size_t products = 0;   // each of which takes so many multiply-adds in a round.
  double (*run)(std::uint64_t rounds) = nullptr;  // The sum of all elements of all lanes.

  double operations_per_round() const {
    return 2.0 * static_cast<double>(lanes * elements * products);
  }
};

// The best kernels that this CPU can run; the portable one if no other.
const ComputeKernel& f32_kernel(const CpuInfo& cpu);
const ComputeKernel& int8_kernel(const CpuInfo& cpu);
// All that this CPU can run, for tests.
std::vector<const ComputeKernel*> runnable_kernels(const CpuInfo& cpu);

// Reads every byte once and folds it to one word; size_bytes is a multiple of 256, data aligned
// to 64.
std::uint64_t read_memory(const std::uint8_t* data, std::size_t size_bytes);

}  // namespace accel::hardware::detail
