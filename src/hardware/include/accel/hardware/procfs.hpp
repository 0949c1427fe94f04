// SPDX-License-Identifier: Apache-2.0
#pragma once
// Parsers of the kernel's text files (/proc, /sys), as pure functions over the text: total,
// bounded, never trusting. Used by cpu_info(), read_load() and the platform probes. Format:
// proc(5), sysfs(5), Documentation/filesystems/proc.rst. All return what they understood; a
// malformed file gives an error and never a made-up value.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::hardware::procfs {

inline constexpr int kMaxCpus = 16384;                      // Linux's own limit is 8192 (NR_CPUS).
inline constexpr std::uint64_t kMaxFileBytes = 16U << 20U;  // /proc/cpuinfo of 8192 CPUs is 12 MB.
inline constexpr std::size_t kMaxLines = 1U << 20U;

// The text between blanks at both ends.
std::string_view trim(std::string_view text);
// A whole decimal number. Errors: invalid_argument (empty, sign, other characters, overflow).
Result<std::uint64_t> parse_number(std::string_view text);
// "32K", "1024K", "32M", "512": cache and huge-page sizes, powers of 1024.
Result<std::uint64_t> parse_size(std::string_view text);
// "0-3,8,10-11" sorted and without duplicates; empty text is the empty list.
Result<std::vector<int>> parse_cpu_list(std::string_view text);

struct CpuinfoText {
  std::string vendor, model, family;
  std::vector<std::string> flags;  // Of the first CPU, as the kernel spells them.
  int processors = 0;
  bool hypervisor = false;
};
// /proc/cpuinfo of x86, ARM and others (their fields differ; what is not there stays empty).
// Errors: invalid_argument when it names no processor.
Result<CpuinfoText> parse_cpuinfo(std::string_view text);

// /proc/meminfo: name -> bytes.
std::map<std::string, std::uint64_t> parse_meminfo(std::string_view text);

struct CpuTicks {
  std::uint64_t busy = 0;    // user + nice + system + irq + softirq + steal (guest is inside user)
  std::uint64_t idle = 0;    // idle + iowait
  std::uint64_t stolen = 0;  // Of busy: taken by the hypervisor for other machines.
};
// /proc/stat: the lines cpu0, cpu1, ... by number. Errors: invalid_argument when there is none.
Result<std::map<int, CpuTicks>> parse_stat(std::string_view text);

// /proc/<pid>/task/<tid>/schedstat: nanoseconds on a CPU and nanoseconds waiting for one.
struct SchedStat {
  std::uint64_t run_ns = 0;
  std::uint64_t wait_ns = 0;
};
Result<SchedStat> parse_schedstat(std::string_view text);

// "name value" a line, as /sys/class/kfd/kfd/topology/nodes/*/properties has them.
std::map<std::string, std::uint64_t> parse_properties(std::string_view text);

// The version in /proc/driver/nvidia/version ("... Kernel Module  550.54.15  ..."); nullopt if
// none.
std::optional<std::string> parse_nvidia_version(std::string_view text);

}  // namespace accel::hardware::procfs
