// SPDX-License-Identifier: Apache-2.0
// Reports as JSON text: how a probe's child process answers, and what a cache of detect() holds.
#include <nlohmann/json.hpp>

#include "accel/hardware/platform.hpp"

namespace accel::hardware {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxReportText = 4U << 20U;
constexpr std::size_t kMaxDevicesPerReport = 1024;

using TextMap = std::map<std::string, std::string>;

json to_json(const Probe& probe) {
  return {{"ok", probe.ok}, {"reason", probe.reason}, {"evidence", probe.evidence}};
}

json to_json(const Device& device) {
  return {{"id", device.id},
          {"name", device.name},
          {"memory_bytes", device.memory_bytes},
          {"emulated", device.emulated},
          {"properties", device.properties}};
}

json to_json(const PlatformReport& report) {
  json devices = json::array();
  for (const Device& device : report.devices) devices.push_back(to_json(device));
  return {{"platform", platform_name(report.platform)},
          {"driver", to_json(report.driver)},
          {"device", to_json(report.device)},
          {"runtime", to_json(report.runtime)},
          {"canary", to_json(report.canary)},
          {"devices", std::move(devices)},
          {"emulated", report.emulated},
          {"reason", report.reason}};
}

// Missing members and members of another type read as the default: the text is only ever our own,
// or damaged, and a report with holes is still a report.
std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

TextMap map_in(const json& object, const char* name) {
  TextMap map;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_object()) return map;
  for (const auto& [key, value] : found->items()) {
    if (value.is_string()) map[key] = value.get<std::string>();
  }
  return map;
}

Probe probe_in(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_object()) return {};
  return {flag_in(*found, "ok"), text_in(*found, "reason"), map_in(*found, "evidence")};
}

Device device_from(const json& object) {
  Device device{text_in(object, "id"), text_in(object, "name"), 0, flag_in(object, "emulated"),
                map_in(object, "properties")};
  const auto memory = object.find("memory_bytes");
  if (memory != object.end() && memory->is_number_unsigned()) {
    device.memory_bytes = memory->get<std::uint64_t>();
  }
  return device;
}

Result<PlatformReport> report_from(const json& object) {
  if (!object.is_object()) return fail(Errc::corrupt, "A platform report is no JSON object.");
  PlatformReport report;
  const auto platform = platform_from_name(text_in(object, "platform"));
  if (!platform) return fail(Errc::corrupt, "A platform report names no known platform.");
  report.platform = *platform;
  report.driver = probe_in(object, "driver");
  report.device = probe_in(object, "device");
  report.runtime = probe_in(object, "runtime");
  report.canary = probe_in(object, "canary");
  report.emulated = flag_in(object, "emulated");
  report.reason = text_in(object, "reason");
  const auto devices = object.find("devices");
  if (devices == object.end() || !devices->is_array()) return report;
  for (const json& device : *devices) {
    if (report.devices.size() >= kMaxDevicesPerReport) break;
    if (device.is_object()) report.devices.push_back(device_from(device));
  }
  return report;
}

}  // namespace

std::string to_json_text(const std::vector<PlatformReport>& reports) {
  json list = json::array();
  for (const PlatformReport& report : reports) list.push_back(to_json(report));
  // Device names come from drivers: bytes that are not UTF-8 are replaced, not thrown about.
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::vector<PlatformReport>> reports_from_json_text(std::string_view text) {
  if (text.size() > kMaxReportText) {
    return fail(Errc::corrupt, "Platform reports of {} bytes are not ours.", text.size());
  }
  const json list = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return fail(Errc::corrupt, "Platform reports are no JSON array.");
  std::vector<PlatformReport> reports;
  for (const json& object : list) {
    ACCEL_TRY(PlatformReport report, report_from(object));
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace accel::hardware
