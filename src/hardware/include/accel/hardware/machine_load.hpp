// SPDX-License-Identifier: Apache-2.0
#pragma once
// How busy others keep the CPUs that this process may use. Used by bench (trials under load are
// discarded), perf's callers (drift) and measure_cpu(). Values; any thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "accel/core/clock.hpp"

namespace accel::hardware {

// One reading of the kernel's counters.
struct LoadReading {
  SteadyTime at{};
  double machine_busy_s = 0;  // CPU seconds spent on the usable CPUs, by anyone, with stolen time.
  double own_busy_s = 0;  // CPU seconds of this process and of its children that were waited for.
  double own_wait_s = 0;  // Seconds that this process's threads were runnable but not running.
  int usable_cpus = 1;
  bool valid = false;  // False where the kernel offers no such counters.
};

struct Load {
  double others = 0;  // Share of the usable CPUs that others held: 0 idle, 1 all of them.
  double wait = 0;    // Share of the time that our own threads waited for a CPU.
  Duration window{};
  // The worse of the two; what "under load" is judged by.
  double value() const { return others > wait ? others : wait; }
};

// The counters of /proc/stat tick in 10 ms: below this window the share of others is noise, and
// load_between() judges by our own waiting time alone (nanoseconds, /proc/self/task/*/schedstat).
inline constexpr Duration kShortestLoadWindow = std::chrono::milliseconds(200);

LoadReading read_load();
// nullopt when either reading is invalid or no time passed.
std::optional<Load> load_between(const LoadReading& before, const LoadReading& after);

// The load of others over a window from now on; blocks that long (less when stop is requested).
// 0 when the kernel does not say.
double machine_load(Duration window = kShortestLoadWindow, std::stop_token stop = {});

}  // namespace accel::hardware
