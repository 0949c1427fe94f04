// SPDX-License-Identifier: Apache-2.0
// Apple's Metal (MPS): exists on macOS only. The macOS part is kept compiling and is untested.
#include "probes.hpp"

namespace accel::hardware::detail {

#ifdef __APPLE__

PlatformReport probe_mps(const DetectOptions& options) {
  PlatformReport report;
  report.platform = Platform::mps;
  auto metal = open_vendor_library(options, {"/System/Library/Frameworks/Metal.framework/Metal"});
  if (!metal) {
    say_no(report.driver, "The Metal framework cannot be loaded: " + metal.error().cause);
    return report;
  }
  metal->keep_loaded();
  report.driver.ok = true;
  report.driver.evidence["library"] = metal->path().string();
  void* (*create_device)() = nullptr;
  const Status bound = metal->bind(create_device, "MTLCreateSystemDefaultDevice");
  report.device.ok = bound && create_device() != nullptr;
  if (!report.device.ok) say_no(report.device, "Metal offers no GPU to this process.");
  if (report.device.ok) report.devices.push_back({"mps:0", "Metal default device", 0, false, {}});
  const auto runtime = find_engine_library(options, "libonnxruntime.dylib", "onnxruntime");
  report.runtime.ok = runtime.has_value();
  if (runtime) report.runtime.evidence["library"] = runtime->string();
  if (!runtime) {
    say_no(report.runtime,
           "ONNX Runtime with CoreML is not installed. Install it: python3 -m pip install "
           "onnxruntime.");
  }
  return report;
}

#else

PlatformReport probe_mps(const DetectOptions&) {
  PlatformReport report;
  report.platform = Platform::mps;
  report.driver.evidence["system"] = system_name();
  say_no(report.driver, fmt::format("Metal exists only on macOS; this is {}.", system_name()));
  say_no(report.device, "Not looked for: there is no Metal here.");
  say_no(report.runtime, "Not looked for: there is no Metal here.");
  return report;
}

#endif

}  // namespace accel::hardware::detail
