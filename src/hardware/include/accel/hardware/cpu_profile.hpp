// SPDX-License-Identifier: Apache-2.0
#pragma once
// A short micro-benchmark of the CPU: memory GB/s, GFLOP/s f32, GOP/s int8, on one thread and on
// all usable ones. Used by node (`hardware profile`) and perf (bounds). Blocks for about the
// budget.

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"
#include "accel/hardware/cpu_info.hpp"

namespace accel::hardware {

// One measured figure. Provenance: always "measured".
struct CpuFigure {
  std::string name;    // "memory_copy", "memory_read", "flops_f32", "ops_int8"
  std::string unit;    // "GB/s" (10^9 bytes), "GFLOP/s", "GOP/s"
  std::string method;  // What ran: kernel, instruction set, bytes or operations counted.
  int threads = 1;
  double value = 0;   // The median of the samples.
  double spread = 0;  // (p90 - p10) / median of the samples.
  std::vector<double> samples;
};

struct CpuProfile {
  std::vector<CpuFigure> figures;
  double load = 0;  // How busy others kept the usable CPUs meanwhile, 0..1: above 0.1 doubt it.
  double seconds = 0;

  // nullptr when it was not measured.
  const CpuFigure* find(std::string_view name, int threads) const;
};

// Errors: cancelled (stop was requested), resource_exhausted (no memory for the buffers).
Result<CpuProfile> measure_cpu(const CpuInfo& cpu, Duration budget = std::chrono::seconds(1),
                               std::stop_token stop = {});

}  // namespace accel::hardware
