// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/inference/canary.hpp"

namespace accel::inference {
namespace {

using hardware::Platform;
using hardware::PlatformReport;

struct Offer {
  Backend* backend = nullptr;
  EngineDevice device;
};

struct Offers {
  std::vector<Offer> devices;
  std::vector<std::string> notes;  // Why an engine, or one of its devices, is not there.
};

Offers collect(std::span<Backend* const> backends) {
  Offers offers;
  for (Backend* backend : backends) {
    const Result<BackendInfo> info = backend->probe();
    if (!info) {
      offers.notes.push_back(info.error().to_string());
      continue;
    }
    for (const EngineDevice& device : info->devices) offers.devices.push_back({backend, device});
    offers.notes.insert(offers.notes.end(), info->notes.begin(), info->notes.end());
  }
  // Real devices first: an emulated one speaks for a platform only when there is no other.
  std::ranges::stable_partition(offers.devices,
                                [](const Offer& offer) { return !offer.device.emulated; });
  return offers;
}

std::string_view what_to_install(Platform platform) {
  switch (platform) {
    case Platform::cpu:
      return "Install ONNX Runtime (`tools/deps install`).";
    case Platform::cuda:
      return "Install a CUDA build of ONNX Runtime (PyPI onnxruntime-gpu) and its CUDA libraries.";
    case Platform::rocm:
      return "Install a ROCm build of ONNX Runtime (PyPI onnxruntime-migraphx) and ROCm.";
    case Platform::mps:
      return "Apple's devices are reached by the macOS build of ONNX Runtime only.";
    case Platform::openvino:
      return "Install OpenVINO (`tools/deps install`).";
    case Platform::qualcomm:
      return "Install Qualcomm's plug-in (PyPI onnxruntime-qnn) beside libonnxruntime.so.1.";
    case Platform::webgpu:
      return "Install a WebGPU plug-in (PyPI onnxruntime-ep-webgpu) beside libonnxruntime.so.1, or "
             "a "
             "build of it with WebGPU (npm onnxruntime-node), and a Vulkan driver.";
    case Platform::webnn:
      return "WebNN exists in browsers; a browser must connect to this node.";
  }
  return "";
}

// Notes that name the platform's device or provider, for the reason of a failure.
std::string related_notes(const Offers& offers, Platform platform) {
  const std::string name(hardware::platform_name(platform));
  std::string text;
  for (const std::string& note : offers.notes) {
    if (note.starts_with(name)) text += " " + note;
  }
  return text;
}

void set_ok(PlatformReport& report, const CanaryResult& result, const BackendInfo& info) {
  report.canary.ok = true;
  report.canary.reason.clear();
  report.canary.evidence = {
      {"engine", result.engine},
      {"version", result.version},
      {"library", info.library_path.string()},
      {"device", result.device.id},
      {"device_name", result.device.name},
      {"provider", result.device.provider},
      {"max_error", fmt::format("{:.3g}", result.max_error)},
      {"open_ms", fmt::format("{:.3f}", result.open_ms)},
      {"run_ms", fmt::format("{:.3f}", result.run_ms)},
      {"provenance", result.device.emulated ? "simulated" : "measured"},
  };
  if (!result.device.untested.empty()) report.canary.evidence["untested"] = result.device.untested;
  if (!result.device.emulated) return;
  // The platform answered, but only through a simulator: its devices must say so.
  std::erase_if(report.devices, [](const hardware::Device& device) { return !device.emulated; });
  if (report.devices.empty()) {
    hardware::Device device;
    device.id = result.device.id;
    device.name = result.device.name;
    device.emulated = true;
    report.devices.push_back(std::move(device));
  }
}

Status fill(PlatformReport& report, const Offers& offers, const std::stop_token& stop) {
  report.canary = {};
  std::string failures;
  bool is_offered = false;
  for (const Offer& offer : offers.devices) {
    if (offer.device.platform != report.platform) continue;
    if (stop.stop_requested()) return fail(Errc::cancelled, "The canaries were cancelled.");
    is_offered = true;
    const Result<CanaryResult> result = run_canary(*offer.backend, offer.device, stop);
    if (result) {
      ACCEL_TRY(const BackendInfo info, offer.backend->probe());
      set_ok(report, *result, info);
      break;
    }
    failures += fmt::format(" {} on {}: {}", offer.backend->name(), offer.device.id,
                            result.error().to_string());
  }
  if (!report.canary.ok) {
    const std::string_view name = hardware::platform_name(report.platform);
    report.canary.reason =
        is_offered
            ? fmt::format("The canary failed on {}.{}", name, failures)
            : fmt::format("No installed engine offers a device of {}. {}{}", name,
                          what_to_install(report.platform), related_notes(offers, report.platform));
  }
  hardware::summarize(report);
  return {};
}

}  // namespace

Status fill_canaries(std::span<PlatformReport> reports, std::span<Backend* const> backends,
                     std::stop_token stop) {
  const Offers offers = collect(backends);
  for (PlatformReport& report : reports) ACCEL_CHECK(fill(report, offers, stop));
  return {};
}

}  // namespace accel::inference
