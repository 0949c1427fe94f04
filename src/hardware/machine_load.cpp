// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/machine_load.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "accel/hardware/cpu_info.hpp"
#include "accel/hardware/procfs.hpp"
#include "affinity.hpp"
#include "kernel_file.hpp"

namespace accel::hardware {
namespace {

constexpr double kNanosecond = 1e-9;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double own_cpu_seconds() {
  double total = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    if (::getrusage(who, &usage) == 0) total += seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return total;
}

double own_wait_seconds() {
  constexpr int kMaxTasks = 4096;
  double total = 0;
  int tasks = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator task("/proc/self/task", error), end;
       !error && task != end && tasks < kMaxTasks; task.increment(error), ++tasks) {
    const auto stat = procfs::parse_schedstat(detail::kernel_line(task->path() / "schedstat"));
    if (stat) total += static_cast<double>(stat->wait_ns) * kNanosecond;
  }
  return total;
}

}  // namespace

LoadReading read_load() {
  LoadReading reading;
  reading.at = system_clock().now();
  const std::vector<int> usable = detail::affinity();
  const auto text = detail::read_kernel_file("/proc/stat");
  if (usable.empty() || !text) return reading;
  const auto cpus = procfs::parse_stat(*text);
  if (!cpus) return reading;
  std::uint64_t ticks = 0;
  for (const int cpu : usable) {
    const auto found = cpus->find(cpu);
    if (found != cpus->end()) ticks += found->second.busy;
  }
  reading.machine_busy_s =
      static_cast<double>(ticks) / static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  reading.own_busy_s = own_cpu_seconds();
  reading.own_wait_s = own_wait_seconds();
  reading.usable_cpus = static_cast<int>(usable.size());
  reading.valid = true;
  return reading;
}

std::optional<Load> load_between(const LoadReading& before, const LoadReading& after) {
  constexpr double kLeastRunSeconds = 1e-3;  // Below it, our own waiting says nothing.
  const Duration window = after.at - before.at;
  if (!before.valid || !after.valid || window <= Duration::zero()) return std::nullopt;
  Load load;
  load.window = window;
  const double own = std::max(0.0, after.own_busy_s - before.own_busy_s);
  const double waited = std::max(0.0, after.own_wait_s - before.own_wait_s);
  if (own + waited > kLeastRunSeconds) load.wait = std::min(1.0, waited / (own + waited));
  if (window >= kShortestLoadWindow) {
    const double capacity = to_ms(window) / 1000.0 * after.usable_cpus;
    const double busy = after.machine_busy_s - before.machine_busy_s;
    load.others = std::clamp((busy - own) / capacity, 0.0, 1.0);
  }
  return load;
}

double machine_load(Duration window, std::stop_token stop) {
  const LoadReading before = read_load();
  std::mutex mutex;
  std::condition_variable_any wakeup;
  std::unique_lock lock(mutex);
  wakeup.wait_for(lock, std::move(stop), window, [] { return false; });
  const auto load = load_between(before, read_load());
  return load ? load->value() : 0.0;
}

}  // namespace accel::hardware
