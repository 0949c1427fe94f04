// SPDX-License-Identifier: Apache-2.0
// CPU: the driver is the kernel; the runtime is any engine that is installed.
#include <sys/utsname.h>

#include "accel/hardware/cpu_info.hpp"
#include "probes.hpp"

namespace accel::hardware::detail {
namespace {

void fill_driver(Probe& driver) {
  utsname names{};
  driver.ok = ::uname(&names) == 0;
  if (!driver.ok) return say_no(driver, "The kernel does not say what it is (uname failed).");
  driver.evidence["kernel"] = fmt::format("{} {}", names.sysname, names.release);
  driver.evidence["architecture"] = names.machine;
}

Device device_of(const CpuInfo& cpu) {
  Device device{"cpu", cpu.model, cpu.memory_usable_bytes, false, {}};
  device.properties["isa"] = join(cpu.isa, " ");
  device.properties["sockets"] = std::to_string(cpu.sockets);
  device.properties["physical_cores"] = std::to_string(cpu.physical_cores);
  device.properties["logical_cpus"] = std::to_string(cpu.logical_cpus);
  device.properties["usable_threads"] = std::to_string(cpu.usable_threads);
  device.properties["numa_nodes"] = std::to_string(cpu.numa.size());
  if (cpu.cgroup.cpu_quota > 0) {
    device.properties["cpu_quota"] = fmt::format("{:.2f}", cpu.cgroup.cpu_quota);
  }
  return device;
}

void fill_runtime(const DetectOptions& options, Probe& runtime) {
  const auto onnxruntime = find_engine_library(options, "libonnxruntime.so.1", "onnxruntime");
  const auto openvino = find_engine_library(options, "libopenvino_c.so", "openvino");
  if (onnxruntime) runtime.evidence["onnxruntime"] = onnxruntime->string();
  if (openvino) runtime.evidence["openvino"] = openvino->string();
  runtime.ok = onnxruntime || openvino;
  if (!runtime.ok) {
    say_no(runtime,
           "No inference engine is installed: neither libonnxruntime.so.1 nor libopenvino_c.so was "
           "found. Install one: tools/deps install, or python3 -m pip install onnxruntime.");
  }
}

}  // namespace

PlatformReport probe_cpu(const DetectOptions& options) {
  PlatformReport report;
  report.platform = Platform::cpu;
  fill_driver(report.driver);
  const CpuInfo cpu = cpu_info(options.root);
  report.device.ok = true;  // This code ran on it.
  report.device.evidence["model"] = cpu.model;
  report.device.evidence["usable_threads"] = std::to_string(cpu.usable_threads);
  report.devices.push_back(device_of(cpu));
  fill_runtime(options, report.runtime);
  return report;
}

}  // namespace accel::hardware::detail
