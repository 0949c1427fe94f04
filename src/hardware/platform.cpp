// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/platform.hpp"

#include <algorithm>

namespace accel::hardware {
namespace {

struct Row {
  Platform platform;
  std::string_view name;
  std::string_view untested;  // Empty: its devices were met.
};

constexpr std::array kRows{
    Row{Platform::cpu, "cpu", ""},
    Row{Platform::cuda, "cuda", "This program's tests have met no NVIDIA GPU."},
    Row{Platform::rocm, "rocm", "This program's tests have met no AMD GPU."},
    Row{Platform::mps, "mps", "This program's tests have met no device of Apple's."},
    Row{Platform::openvino, "openvino", ""},
    Row{Platform::qualcomm, "qualcomm", "This program's tests have met no Qualcomm processor."},
    Row{Platform::webgpu, "webgpu", "This program's tests have met no GPU."},
    Row{Platform::webnn, "webnn", "This program's tests have met no browser with WebNN."},
};

struct Part {
  std::string_view name;
  const Probe& probe;
};

std::array<Part, 4> parts_of(const PlatformReport& report) {
  return {Part{"driver", report.driver}, Part{"device", report.device},
          Part{"runtime", report.runtime}, Part{"canary", report.canary}};
}

}  // namespace

std::string_view platform_name(Platform platform) {
  for (const Row& row : kRows) {
    if (row.platform == platform) return row.name;
  }
  return "unknown";
}

std::string_view untested_reason(Platform platform) {
  for (const Row& row : kRows) {
    if (row.platform == platform) return row.untested;
  }
  return {};
}

Result<Platform> platform_from_name(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.platform;
  }
  return fail(
      Errc::invalid_argument,
      "\"{}\" is not a platform. There are cpu, cuda, rocm, mps, openvino, qualcomm, webgpu "
      "and webnn.",
      name.substr(0, 64));
}

void summarize(PlatformReport& report) {
  report.emulated =
      !report.devices.empty() && std::all_of(report.devices.begin(), report.devices.end(),
                                             [](const Device& device) { return device.emulated; });
  report.reason.clear();
  if (report.available()) return;
  for (const Part& part : parts_of(report)) {
    // A simulated device works without a driver: its missing driver is not what is missing.
    if (part.probe.ok || (report.emulated && part.name == "driver")) continue;
    report.reason = part.probe.reason;
    return;
  }
}

std::map<std::string, std::string> all_evidence(const PlatformReport& report) {
  std::map<std::string, std::string> all;
  for (const Part& part : parts_of(report)) {
    for (const auto& [key, value] : part.probe.evidence) {
      all[fmt::format("{}.{}", part.name, key)] = value;
    }
  }
  return all;
}

}  // namespace accel::hardware
