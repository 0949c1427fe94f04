// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/cpu_info.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "accel/core/result.hpp"
#include "accel/hardware/cgroup.hpp"
#include "accel/hardware/procfs.hpp"
#include "affinity.hpp"
#include "kernel_file.hpp"

namespace accel::hardware {
namespace {

namespace fs = std::filesystem;
using detail::kernel_line;
using detail::kernel_number;
using detail::read_kernel_file;

// The extensions that engines and kernels pick their code by, as Linux spells them.
constexpr std::array<std::string_view, 46> kIsaOfInterest{
    // x86
    "sse4_2", "avx", "avx2", "fma", "f16c", "bmi2", "avx512f", "avx512bw", "avx512dq", "avx512vl",
    "avx512ifma", "avx512vbmi", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "avx_ifma",
    "avx_vnni_int8", "avx_vnni_int16", "avx10", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
    "sha_ni", "aes", "vaes", "pclmulqdq", "vpclmulqdq",
    // ARM
    "asimd", "asimdhp", "asimddp", "asimdfhm", "i8mm", "bf16", "sve", "sve2", "svei8mm", "svebf16",
    "sme", "sme2", "sha2", "sha3", "pmull", "crc32", "fphp"};

std::vector<std::string> relevant_isa(const std::vector<std::string>& flags) {
  std::set<std::string> isa;
  for (const std::string& flag : flags) {
    if (std::find(kIsaOfInterest.begin(), kIsaOfInterest.end(), flag) != kIsaOfInterest.end()) {
      isa.insert(flag);
    }
  }
  return {isa.begin(), isa.end()};
}

std::vector<int> cpu_list(const fs::path& file) {
  return procfs::parse_cpu_list(kernel_line(file)).value_or(std::vector<int>{});
}

struct Topology {
  std::set<int> packages;
  std::vector<std::vector<int>> cores;  // The logical CPUs of each physical core.
};

Topology read_topology(const fs::path& cpus, const std::vector<int>& online) {
  Topology topology;
  std::set<int> seen;
  for (const int cpu : online) {
    if (seen.contains(cpu)) continue;
    const fs::path folder = cpus / ("cpu" + std::to_string(cpu)) / "topology";
    std::vector<int> siblings = cpu_list(folder / "thread_siblings_list");
    if (siblings.empty()) siblings = {cpu};
    seen.insert(siblings.begin(), siblings.end());
    topology.packages.insert(static_cast<int>(kernel_number(folder / "physical_package_id", 0)));
    topology.cores.push_back(std::move(siblings));
  }
  return topology;
}

// The caches that the first CPU sees; instances assume that all CPUs have the same.
std::vector<CpuCache> read_caches(const fs::path& cpus, const std::vector<int>& online) {
  constexpr int kMaxCaches = 16;
  std::vector<CpuCache> caches;
  if (online.empty()) return caches;
  const fs::path folder = cpus / ("cpu" + std::to_string(online.front())) / "cache";
  for (int index = 0; index < kMaxCaches; ++index) {
    const fs::path one = folder / ("index" + std::to_string(index));
    const auto size = procfs::parse_size(kernel_line(one / "size"));
    if (!size) break;
    CpuCache cache;
    cache.level = static_cast<int>(kernel_number(one / "level", 0));
    cache.type = kernel_line(one / "type");
    cache.size_bytes = *size;
    cache.shared_by = std::max(1, static_cast<int>(cpu_list(one / "shared_cpu_list").size()));
    cache.instances = std::max(1, static_cast<int>(online.size()) / cache.shared_by);
    caches.push_back(std::move(cache));
  }
  return caches;
}

std::vector<NumaNode> read_numa(const fs::path& nodes) {
  constexpr std::size_t kMaxNodes = 1024;
  std::vector<NumaNode> numa;
  for (const int id : cpu_list(nodes / "online")) {
    if (numa.size() >= kMaxNodes) break;
    const fs::path folder = nodes / ("node" + std::to_string(id));
    NumaNode node{id, cpu_list(folder / "cpulist"), 0};
    if (const auto text = read_kernel_file(folder / "meminfo")) {
      node.memory_bytes = procfs::parse_meminfo(*text)["MemTotal"];
    }
    numa.push_back(std::move(node));
  }
  return numa;
}

void fill_identity(CpuInfo& info, const fs::path& root) {
  utsname names{};
  if (::uname(&names) == 0) info.architecture = names.machine;
  const auto text = read_kernel_file(root / "proc/cpuinfo");
  if (!text) return;
  const auto parsed = procfs::parse_cpuinfo(*text);
  if (!parsed) return;
  info.vendor = parsed->vendor;
  info.model = parsed->model.empty() ? parsed->vendor + " " + parsed->family : parsed->model;
  info.family = parsed->family;
  info.isa = relevant_isa(parsed->flags);
  info.virtual_machine = parsed->hypervisor;
  info.logical_cpus = parsed->processors;
}

void fill_topology(CpuInfo& info, const fs::path& root) {
  const fs::path cpus = root / "sys/devices/system/cpu";
  const std::vector<int> online = cpu_list(cpus / "online");
  const Topology topology = read_topology(cpus, online);
  info.usable_cpus = detail::affinity();
  if (!online.empty()) {
    info.logical_cpus = static_cast<int>(online.size());
    info.physical_cores = static_cast<int>(topology.cores.size());
    info.sockets = static_cast<int>(topology.packages.size());
  } else {
    info.physical_cores = info.logical_cpus;
  }
  const auto usable = [&](int cpu) {
    return std::binary_search(info.usable_cpus.begin(), info.usable_cpus.end(), cpu);
  };
  const auto cores = std::count_if(
      topology.cores.begin(), topology.cores.end(),
      [&](const auto& core) { return std::any_of(core.begin(), core.end(), usable); });
  info.usable_physical_cores = std::max(1, static_cast<int>(cores));
  info.caches = read_caches(cpus, online);
  info.numa = read_numa(root / "sys/devices/system/node");
}

void fill_limits(CpuInfo& info, const fs::path& root) {
  info.cgroup = cgroup::read_limits(root);
  info.usable_threads = std::max(1, static_cast<int>(info.usable_cpus.size()));
  if (info.cgroup.cpu_quota > 0 && info.cgroup.cpu_quota < info.usable_threads) {
    info.usable_threads = std::max(1, static_cast<int>(std::ceil(info.cgroup.cpu_quota)));
  }
  info.usable_physical_cores = std::min(info.usable_physical_cores, info.usable_threads);
  if (const auto text = read_kernel_file(root / "proc/meminfo")) {
    const auto values = procfs::parse_meminfo(*text);
    const auto value = [&](const char* name) {
      const auto found = values.find(name);
      return found == values.end() ? 0 : found->second;
    };
    info.memory_total_bytes = value("MemTotal");
    info.memory_available_bytes = value("MemAvailable");
  }
  info.memory_usable_bytes = info.memory_total_bytes;
  if (info.cgroup.memory_bytes != 0) {
    info.memory_usable_bytes = std::min(info.memory_usable_bytes, info.cgroup.memory_bytes);
  }
}

}  // namespace

bool CpuInfo::has(std::string_view extension) const {
  return std::find(isa.begin(), isa.end(), extension) != isa.end();
}

std::uint64_t CpuInfo::cache_bytes(int level) const {
  std::uint64_t largest = 0;
  for (const CpuCache& cache : caches) {
    if (cache.level == level) largest = std::max(largest, cache.size_bytes);
  }
  return largest;
}

CpuInfo cpu_info(const fs::path& root) {
  CpuInfo info;
  fill_identity(info, root);
  fill_topology(info, root);
  fill_limits(info, root);
  return info;
}

}  // namespace accel::hardware
