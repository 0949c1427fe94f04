// SPDX-License-Identifier: Apache-2.0
// Qualcomm's Hexagon (HTP) through FastRPC device nodes and libQnnHtp.so. On x86 that library is a
// simulator: whatever it offers is emulated. QNN's entry point is declared here as Qualcomm's
// QnnInterface.h gives its first fields.
#include "kernel_file.hpp"
#include "probes.hpp"

namespace accel::hardware::detail {
namespace {

struct QnnVersion {
  std::uint32_t major, minor, patch;
};

// The leading fields of QnnInterface_t; the table of functions that follows is not touched.
struct QnnInterface {
  std::uint32_t backend_id;
  const char* provider_name;
  QnnVersion core_version;
  QnnVersion backend_version;
};
using GetProviders = std::uint64_t(const QnnInterface* const** providers, std::uint32_t* count);

constexpr bool kSimulator =
#if defined(__x86_64__) || defined(__i386__)
    true;
#else
    false;
#endif

void probe_driver(const DetectOptions& options, Probe& driver) {
  std::vector<std::string> nodes = entries_with_prefix(options, "dev", "fastrpc-");
  for (std::string& node : entries_with_prefix(options, "dev", "adsprpc-")) nodes.push_back(node);
  if (kSimulator) {
    driver.evidence["simulator"] = "The x86 build of libQnnHtp.so simulates the HTP in software.";
    return say_no(driver, "A Hexagon processor exists only in Qualcomm's ARM chips; this is " +
                              system_name() + ". Its x86 simulator needs no driver.");
  }
  driver.ok = !nodes.empty();
  if (driver.ok) driver.evidence["device_nodes"] = join(nodes);
  if (!driver.ok) {
    say_no(driver,
           "No FastRPC device (/dev/fastrpc-cdsp or /dev/adsprpc-smd): the kernel has no "
           "driver for a Hexagon DSP, or this chip has none.");
  }
}

std::string text_of(const QnnVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

bool probe_backend(const DetectOptions& options, Probe& runtime) {
  auto library = open_vendor_library(options, {"libQnnHtp.so"}, "onnxruntime-qnn");
  if (!library) {
    say_no(runtime, fmt::format("Qualcomm's QNN library (libQnnHtp.so) is not installed ({}). "
                                "Install it: python3 -m pip install onnxruntime-qnn.",
                                library.error().cause));
    return false;
  }
  library->keep_loaded();
  runtime.evidence["library"] = library->path().string();
  GetProviders* get_providers = nullptr;
  const QnnInterface* const* providers = nullptr;
  std::uint32_t count = 0;
  if (!library->bind(get_providers, "QnnInterface_getProviders") ||
      get_providers(&providers, &count) != 0 || count == 0 || providers == nullptr) {
    say_no(runtime, "libQnnHtp.so offers no backend (QnnInterface_getProviders failed).");
    return false;
  }
  const QnnInterface& first = *providers[0];
  runtime.evidence["core_api"] = text_of(first.core_version);
  runtime.evidence["backend_api"] = text_of(first.backend_version);
  if (first.provider_name != nullptr) runtime.evidence["provider"] = first.provider_name;
  return true;
}

// QNN alone runs nothing here: ONNX Runtime reaches it through its plug-in.
void probe_plugin(const DetectOptions& options, Probe& runtime) {
  constexpr const char* kPlugin = "libonnxruntime_providers_qnn.so";
  auto plugin = find_engine_library(options, kPlugin, "onnxruntime-qnn");
  if (!plugin) plugin = find_engine_library(options, kPlugin, "onnxruntime");
  runtime.ok = plugin.has_value();
  if (plugin) runtime.evidence["plugin"] = plugin->string();
  if (!plugin) {
    say_no(runtime, fmt::format("libQnnHtp.so is here, but not ONNX Runtime's plug-in for it ({}). "
                                "Install it: python3 -m pip install onnxruntime-qnn.",
                                kPlugin));
  }
}

std::string chip_name(const DetectOptions& options) {
  const auto soc = options.root / "sys/devices/soc0";
  const std::string machine = kernel_line(soc / "machine");
  return machine.empty() ? kernel_line(soc / "soc_id", "Hexagon HTP") : machine;
}

}  // namespace

PlatformReport probe_qualcomm(const DetectOptions& options) {
  PlatformReport report;
  report.platform = Platform::qualcomm;
  probe_driver(options, report.driver);
  const bool backend = probe_backend(options, report.runtime);
  if (backend) probe_plugin(options, report.runtime);
  if (kSimulator && backend) {
    report.devices.push_back({"qnn:0", "Hexagon HTP simulator (x86)", 0, true, {}});
  } else if (report.driver.ok) {
    report.devices.push_back({"qnn:0", chip_name(options), 0, false, {}});
  }
  report.device.ok = !report.devices.empty();
  if (report.device.ok) report.device.evidence["name"] = report.devices.front().name;
  if (!report.device.ok) {
    say_no(report.device, kSimulator ? "No Hexagon processor, and no simulator of one installed."
                                     : "Not looked for: the driver does not work.");
  }
  return report;
}

}  // namespace accel::hardware::detail
