// SPDX-License-Identifier: Apache-2.0
#pragma once
// The CPU and what of it this process may use. Used by perf (thread counts), node (machine key,
// `hardware detect`) and measure_cpu(). Plain values; cpu_info() reads /proc and /sys, any thread.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace accel::hardware {

struct CpuCache {
  int level = 0;
  std::string type;  // "Data", "Instruction", "Unified"
  std::uint64_t size_bytes = 0;
  int shared_by = 1;  // Logical CPUs that share one instance of it.
  int instances = 1;  // How many of them the machine has.
};

struct NumaNode {
  int id = 0;
  std::vector<int> cpus;
  std::uint64_t memory_bytes = 0;
};

// The limits that control groups put on this process; the tightest on the way up to the root.
struct CgroupLimits {
  int version = 0;                 // 1, 2, or 0 when no group was found.
  double cpu_quota = 0;            // In CPUs; 0: no quota.
  std::uint64_t memory_bytes = 0;  // 0: no limit.
  std::string cpu_source;          // The file that says so.
  std::string memory_source;
};

struct CpuInfo {
  std::string architecture;  // "x86_64", "aarch64"
  std::string vendor;        // "AuthenticAMD"
  std::string model;         // "AMD EPYC 9B45"
  std::string family;        // "family 26 model 2 stepping 1"; empty where the kernel says none.
  std::vector<std::string> isa;  // Extensions that matter here and that the kernel enabled, sorted.
  int sockets = 1;
  int physical_cores = 1;
  int logical_cpus = 1;
  std::vector<CpuCache> caches;
  std::vector<NumaNode> numa;
  bool virtual_machine = false;

  std::vector<int> usable_cpus;  // Those that the scheduler may put this process on (affinity).
  int usable_physical_cores = 1;
  int usable_threads =
      1;  // Threads that can run at once: affinity, capped by the quota rounded up.
  CgroupLimits cgroup;
  std::uint64_t memory_total_bytes = 0;
  std::uint64_t memory_usable_bytes = 0;  // min(total, cgroup limit)
  std::uint64_t memory_available_bytes =
      0;  // What the kernel could hand out now; changes all the time.

  bool has(std::string_view extension) const;
  // The largest cache of that level in bytes (one instance); 0 when unknown.
  std::uint64_t cache_bytes(int level) const;
};

// Reads what there is; a file that is missing or malformed leaves its field at the default.
// root stands for "/" (tests point it at a captured tree; affinity is always this process's).
CpuInfo cpu_info(const std::filesystem::path& root = "/");

}  // namespace accel::hardware
