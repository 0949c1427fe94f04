// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/machine_key.hpp"

#include <algorithm>

namespace accel::hardware {
namespace {

// Memory is rounded down to 256 MiB: the kernel's own share moves a little from boot to boot.
constexpr std::uint64_t kMemoryStep = 256ULL << 20U;

void add(std::string& text, std::string_view name, std::string_view value) {
  text += name;
  text += '=';
  // One line a fact, whatever a driver calls its device.
  for (const char character : value) text += character == '\n' ? ' ' : character;
  text += '\n';
}

void add_cpu(std::string& text, const CpuInfo& cpu) {
  add(text, "cpu.architecture", cpu.architecture);
  add(text, "cpu.vendor", cpu.vendor);
  add(text, "cpu.model", cpu.model);
  add(text, "cpu.family", cpu.family);
  std::vector<std::string> isa = cpu.isa;
  std::sort(isa.begin(), isa.end());
  add(text, "cpu.isa", fmt::format("{}", fmt::join(isa, " ")));
  add(text, "cpu.physical_cores", std::to_string(cpu.physical_cores));
  add(text, "cpu.logical_cpus", std::to_string(cpu.logical_cpus));
  add(text, "cpu.usable_cpus", std::to_string(cpu.usable_cpus.size()));
  add(text, "cpu.usable_physical_cores", std::to_string(cpu.usable_physical_cores));
  add(text, "cpu.usable_threads", std::to_string(cpu.usable_threads));
  add(text, "cpu.quota", fmt::format("{:.2f}", cpu.cgroup.cpu_quota));
  add(text, "memory.usable_mib",
      std::to_string(cpu.memory_usable_bytes / kMemoryStep * (kMemoryStep >> 20U)));
}

void add_platform(std::string& text, const PlatformReport& report) {
  const std::string name(platform_name(report.platform));
  // A driver that does not work is not part of the machine, whatever its reason says today.
  for (const auto& [key, value] : report.driver.evidence) {
    if (report.driver.ok) add(text, name + ".driver." + key, value);
  }
  if (report.runtime.ok && report.runtime.evidence.contains("version")) {
    add(text, name + ".runtime", report.runtime.evidence.at("version"));
  }
  for (const Device& device : report.devices) {
    add(text, name + ".device",
        fmt::format("{} {} {} {}", device.id, device.name, device.memory_bytes / kMemoryStep,
                    device.emulated ? "emulated" : "real"));
  }
}

}  // namespace

std::string machine_key_text(const CpuInfo& cpu, const std::vector<PlatformReport>& reports,
                             const std::map<std::string, std::string>& engine_versions) {
  std::string text = "machine key 1\n";
  add_cpu(text, cpu);
  for (const Platform platform : kAllPlatforms) {
    if (platform == Platform::cpu) continue;  // add_cpu() says it all.
    for (const PlatformReport& report : reports) {
      if (report.platform == platform) add_platform(text, report);
    }
  }
  for (const auto& [engine, version] : engine_versions) add(text, "engine." + engine, version);
  return text;
}

}  // namespace accel::hardware
