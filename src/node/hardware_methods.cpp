// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/cpu_profile.hpp"
#include "accel/hardware/samples.hpp"
#include "context.hpp"
#include "machine.hpp"
#include "recorder.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

json json_of(const hardware::Probe& probe) {
  return {{"ok", probe.ok}, {"reason", probe.reason}, {"evidence", probe.evidence}};
}

json json_of(const hardware::Device& device) {
  return {{"id", device.id},
          {"name", device.name},
          {"memory_bytes", device.memory_bytes},
          {"emulated", device.emulated},
          {"properties", device.properties}};
}

// The device that ran the canary knows best: an OpenVINO on a CPU was met, one on a GPU was not.
json untested_of(const hardware::PlatformReport& report) {
  const auto told = report.canary.evidence.find("untested");
  if (told != report.canary.evidence.end()) return told->second;
  const std::string_view reason = hardware::untested_reason(report.platform);
  return reason.empty() ? json() : json(reason);
}

json json_of(const hardware::PlatformReport& report) {
  json devices = json::array();
  for (const hardware::Device& device : report.devices) devices.push_back(json_of(device));
  return {{"platform", hardware::platform_name(report.platform)},
          {"available", report.available()},
          {"emulated", report.emulated},
          {"untested", untested_of(report)},
          {"reason",
           report.available() ? "a canary model ran on it and agreed with the CPU" : report.reason},
          {"evidence",
           {{"driver", json_of(report.driver)},
            {"device", json_of(report.device)},
            {"runtime", json_of(report.runtime)},
            {"canary", json_of(report.canary)}}},
          {"devices", std::move(devices)}};
}

json json_of(const hardware::CpuInfo& cpu) {
  json caches = json::array();
  for (const hardware::CpuCache& cache : cpu.caches) {
    caches.push_back({{"level", cache.level},
                      {"type", cache.type},
                      {"bytes", cache.size_bytes},
                      {"instances", cache.instances}});
  }
  return {{"architecture", cpu.architecture},
          {"vendor", cpu.vendor},
          {"model", cpu.model},
          {"isa", cpu.isa},
          {"sockets", cpu.sockets},
          {"physical_cores", cpu.physical_cores},
          {"logical_cpus", cpu.logical_cpus},
          {"usable_cpus", cpu.usable_cpus.size()},
          {"usable_threads", cpu.usable_threads},
          {"numa_nodes", cpu.numa.size()},
          {"caches", std::move(caches)},
          {"virtual_machine", cpu.virtual_machine},
          {"memory_bytes", cpu.memory_total_bytes},
          {"memory_usable_bytes", cpu.memory_usable_bytes},
          {"cgroup_cpu_quota", cpu.cgroup.cpu_quota}};
}

}  // namespace

Result<json> hardware_detect(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto reports, detect_platforms(context.services, context.stop));
  json rows = json::array();
  for (const hardware::PlatformReport& report : reports) rows.push_back(json_of(report));
  record_detection(context, rows);
  return rows;
}

Result<json> hardware_profile(Context& context) {
  const double seconds = context.params.number("seconds", 2.0);
  ACCEL_CHECK(context.params.finish());
  if (!(seconds > 0 && seconds <= 600)) {
    return fail(Errc::invalid_argument, "hardware profile: seconds must lie in (0, 600].");
  }
  const hardware::CpuInfo cpu = hardware::cpu_info();
  const auto budget = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  ACCEL_TRY(const hardware::CpuProfile profile, hardware::measure_cpu(cpu, budget, context.stop));
  json measurements = json::array();
  for (const hardware::CpuFigure& figure : profile.figures) {
    measurements.push_back({{"what", figure.name},
                            {"threads", figure.threads},
                            {"value", figure.value},
                            {"unit", figure.unit},
                            {"low", hardware::quantile(figure.samples, 0.1)},
                            {"high", hardware::quantile(figure.samples, 0.9)},
                            {"samples", figure.samples},
                            {"method", figure.method},
                            {"provenance", "measured"}});
  }
  return json{{"cpu", json_of(cpu)},
              {"measurements", std::move(measurements)},
              {"load_of_others", profile.load},
              {"seconds", profile.seconds}};
}

}  // namespace accel::node
