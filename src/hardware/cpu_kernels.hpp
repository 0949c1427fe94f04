// SPDX-License-Identifier: Apache-2.0
#pragma once
// The inner loops of the CPU micro-benchmark, one per instruction set. Private to hardware.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "accel/hardware/cpu_info.hpp"

namespace accel::hardware::detail {

// Arithmetic on registers alone. run(rounds) returns a value that depends on all the work.
struct ComputeKernel {
  std::string_view name;     // "AVX-512 FMA, 16 accumulators of 16 floats"
  std::string_view needs[2];  // Extensions of CpuInfo::isa; empty: none.
  double operations_per_round = 0;
  double (*run)(std::uint64_t rounds) = nullptr;
};

// The best kernels that this CPU can run; the portable one if no other.
const ComputeKernel& f32_kernel(const CpuInfo& cpu);
const ComputeKernel& int8_kernel(const CpuInfo& cpu);
// All that this CPU can run, for tests.
std::vector<const ComputeKernel*> runnable_kernels(const CpuInfo& cpu);

// Reads every byte once and folds it to one word; size_bytes is a multiple of 256, data aligned to 64.
std::uint64_t read_memory(const std::uint8_t* data, std::size_t size_bytes);

}  // namespace accel::hardware::detail
