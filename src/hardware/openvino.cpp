// SPDX-License-Identifier: Apache-2.0
// OpenVINO through its C API. Its CPU device needs no driver; GPU and NPU need Intel's.
#include <openvino/c/openvino.h>

#include "probes.hpp"

namespace accel::hardware::detail {
namespace {

constexpr std::size_t kMaxDevices = 64;

struct Api {
  decltype(&ov_get_openvino_version) version = nullptr;
  decltype(&ov_version_free) version_free = nullptr;
  decltype(&ov_core_create) create = nullptr;
  decltype(&ov_core_free) destroy = nullptr;
  decltype(&ov_core_get_available_devices) devices = nullptr;
  decltype(&ov_available_devices_free) devices_free = nullptr;
  decltype(&ov_core_get_property) property = nullptr;
  decltype(&ov_free) free_text = nullptr;
  decltype(&ov_get_last_err_msg) last_error = nullptr;

  Status bind(const SharedLibrary& library) {
    ACCEL_CHECK(library.bind(version, "ov_get_openvino_version"));
    ACCEL_CHECK(library.bind(version_free, "ov_version_free"));
    ACCEL_CHECK(library.bind(create, "ov_core_create"));
    ACCEL_CHECK(library.bind(destroy, "ov_core_free"));
    ACCEL_CHECK(library.bind(devices, "ov_core_get_available_devices"));
    ACCEL_CHECK(library.bind(devices_free, "ov_available_devices_free"));
    ACCEL_CHECK(library.bind(property, "ov_core_get_property"));
    ACCEL_CHECK(library.bind(free_text, "ov_free"));
    return library.bind(last_error, "ov_get_last_err_msg");
  }

  std::string words() const {
    const char* text = last_error();
    return text == nullptr || *text == '\0' ? "no reason given" : text;
  }
};

std::string property_of(const Api& api, const ov_core_t* core, const char* device,
                        const char* key) {
  char* value = nullptr;
  if (api.property(core, device, key, &value) != ov_status_e::OK || value == nullptr) return {};
  std::string text = value;
  api.free_text(value);
  return text;
}

void fill_devices(const Api& api, const ov_core_t* core, PlatformReport& report) {
  ov_available_devices_t found{};
  if (api.devices(core, &found) != ov_status_e::OK) {
    return say_no(report.device, "OpenVINO cannot list its devices: " + api.words());
  }
  for (std::size_t i = 0; i < std::min(found.size, kMaxDevices); ++i) {
    const char* name = found.devices[i];
    Device device{name, property_of(api, core, name, "FULL_DEVICE_NAME"), 0, false, {}};
    device.properties["capabilities"] = property_of(api, core, name, "OPTIMIZATION_CAPABILITIES");
    report.devices.push_back(std::move(device));
  }
  api.devices_free(&found);
  report.device.ok = !report.devices.empty();
  report.device.evidence["count"] = std::to_string(report.devices.size());
  if (!report.device.ok) {
    say_no(
        report.device,
        "OpenVINO offers no device: its plugins (libopenvino_intel_cpu_plugin.so) are missing or "
        "do not load. Reinstall the openvino package.");
  }
}

void fill_version(const Api& api, Probe& runtime) {
  ov_version_t version{};
  if (api.version(&version) != ov_status_e::OK) return;
  if (version.buildNumber != nullptr) runtime.evidence["version"] = version.buildNumber;
  api.version_free(&version);
}

void fill_driver(const DetectOptions& options, Probe& driver) {
  driver.ok = true;
  driver.evidence["cpu"] = "needs no driver";
  const auto gpus = entries_with_prefix(options, "dev/dri", "renderD");
  const auto npus = entries_with_prefix(options, "dev/accel", "accel");
  if (!gpus.empty()) driver.evidence["gpu_nodes"] = join(gpus);
  if (!npus.empty()) driver.evidence["npu_nodes"] = join(npus);
}

}  // namespace

PlatformReport probe_openvino(const DetectOptions& options) {
  PlatformReport report;
  report.platform = Platform::openvino;
  fill_driver(options, report.driver);
  say_no(report.device, "Not looked for: the runtime is missing.");
  auto library = open_vendor_library(options, {"libopenvino_c.so"}, "openvino");
  if (!library) {
    say_no(report.runtime, fmt::format("OpenVINO is not installed ({}). Install it: tools/deps "
                                       "install, or python3 -m pip install openvino.",
                                       library.error().cause));
    return report;
  }
  library->keep_loaded();
  report.runtime.evidence["library"] = library->path().string();
  Api api;
  if (const Status bound = api.bind(*library); !bound) {
    say_no(report.runtime, "libopenvino_c.so lacks a function: " + bound.error().message);
    return report;
  }
  fill_version(api, report.runtime);
  ov_core_t* core = nullptr;
  if (api.create(&core) != ov_status_e::OK || core == nullptr) {
    say_no(report.runtime, "OpenVINO does not start: " + api.words());
    return report;
  }
  report.runtime.ok = true;
  report.device.reason.clear();
  fill_devices(api, core, report);
  api.destroy(core);
  return report;
}

}  // namespace accel::hardware::detail
