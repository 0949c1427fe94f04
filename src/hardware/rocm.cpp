// SPDX-License-Identifier: Apache-2.0
// ROCm: the kernel's amdkfd (/dev/kfd and its topology in sysfs) names the GPUs; HIP, declared here
// as AMD's HIP runtime API gives it, says whether user space can use them.
#include <array>

#include "accel/hardware/procfs.hpp"
#include "kernel_file.hpp"
#include "probes.hpp"

namespace accel::hardware::detail {
namespace {

constexpr int kHipSuccess = 0;
constexpr int kMaxDevices = 64;

struct Hip {
  int (*init)(unsigned) = nullptr;
  int (*runtime_version)(int*) = nullptr;
  int (*count)(int*) = nullptr;
  int (*name)(char*, int, int) = nullptr;
  int (*memory)(std::size_t*, int) = nullptr;
  const char* (*error_text)(int) = nullptr;

  Status bind(const SharedLibrary& library) {
    ACCEL_CHECK(library.bind(init, "hipInit"));
    ACCEL_CHECK(library.bind(runtime_version, "hipRuntimeGetVersion"));
    ACCEL_CHECK(library.bind(count, "hipGetDeviceCount"));
    ACCEL_CHECK(library.bind(name, "hipDeviceGetName"));
    ACCEL_CHECK(library.bind(memory, "hipDeviceTotalMem"));
    return library.bind(error_text, "hipGetErrorString");
  }
};

// 90402 (major * 10000 + minor * 100 + step) -> "gfx942": the step is one hexadecimal digit.
std::string gfx_name(std::uint64_t version) {
  return fmt::format("gfx{}{}{:x}", version / 10000, version / 100 % 100, version % 100);
}

// The nodes of the topology that compute: a CPU node has no SIMDs.
std::vector<Device> topology_devices(const DetectOptions& options) {
  std::vector<Device> devices;
  for (const std::string& node :
       entries_with_prefix(options, "sys/class/kfd/kfd/topology/nodes", "")) {
    const auto folder = options.root / "sys/class/kfd/kfd/topology/nodes" / node;
    const auto text = read_kernel_file(folder / "properties");
    if (!text) continue;
    const auto properties = procfs::parse_properties(*text);
    const auto value = [&](const char* name) {
      const auto found = properties.find(name);
      return found == properties.end() ? 0 : found->second;
    };
    if (value("simd_count") == 0) continue;
    Device device;
    device.id = fmt::format("rocm:{}", devices.size());
    device.name = kernel_line(folder / "name", "AMD GPU");
    device.properties["gfx"] = gfx_name(value("gfx_target_version"));
    device.properties["simd_count"] = std::to_string(value("simd_count"));
    if (const auto memory = read_kernel_file(folder / "mem_banks/0/properties")) {
      device.memory_bytes = procfs::parse_properties(*memory)["size_in_bytes"];
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

void probe_kernel(const DetectOptions& options, PlatformReport& report) {
  add_rocm_traces(options, report.driver);
  report.driver.ok = report.driver.evidence.contains("device_node");
  if (!report.driver.ok) {
    const bool module = report.driver.evidence.contains("kernel_module");
    return say_no(report.driver,
                  module
                      ? "The amdgpu module is loaded but /dev/kfd is missing: this GPU or kernel "
                        "has no compute support, or the container was started without "
                        "--device=/dev/kfd."
                      : "AMD's driver (amdgpu with /dev/kfd) is not loaded. With an AMD GPU, "
                        "install it (Debian: firmware-amd-graphics, then ROCm).");
  }
  report.devices = topology_devices(options);
  report.device.ok = !report.devices.empty();
  report.device.evidence["count"] = std::to_string(report.devices.size());
  if (!report.device.ok) {
    say_no(report.device, "/dev/kfd is there, and its topology in /sys/class/kfd names no GPU.");
  }
}

// HIP's words about the same GPUs: marketing names and memory that can be allocated.
void refine_devices(const Hip& hip, int count, PlatformReport& report) {
  std::array<char, 256> text{};
  for (int index = 0; index < std::min(count, kMaxDevices); ++index) {
    if (static_cast<std::size_t>(index) >= report.devices.size()) break;
    Device& device = report.devices[static_cast<std::size_t>(index)];
    if (hip.name(text.data(), static_cast<int>(text.size()) - 1, index) == kHipSuccess) {
      device.name = text.data();
    }
    std::size_t bytes = 0;
    if (hip.memory(&bytes, index) == kHipSuccess) device.memory_bytes = bytes;
  }
}

// True when HIP works; else the runtime's reason is set.
bool probe_hip(const DetectOptions& options, PlatformReport& report) {
  Probe& runtime = report.runtime;
  auto library = open_vendor_library(
      options, {"libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so"});
  if (!library) {
    say_no(runtime,
           "The HIP runtime (libamdhip64.so) is not installed. Install ROCm (Debian: "
           "libamdhip64-5, or AMD's rocm-hip-runtime).");
    return false;
  }
  library->keep_loaded();
  runtime.evidence["hip_library"] = library->path().string();
  Hip hip;
  if (const Status bound = hip.bind(*library); !bound) {
    say_no(runtime, "libamdhip64.so lacks a function: " + bound.error().message);
    return false;
  }
  int version = 0;
  int count = 0;
  int result = hip.init(0);
  if (result == kHipSuccess && hip.runtime_version(&version) == kHipSuccess) {
    runtime.evidence["hip_version"] = std::to_string(version);
  }
  if (result == kHipSuccess) result = hip.count(&count);
  if (result != kHipSuccess || count <= 0) {
    const char* words = hip.error_text(result);
    say_no(runtime, fmt::format("HIP offers no GPU (error {}: {}). Check the groups video and "
                                "render, and HIP_VISIBLE_DEVICES.",
                                result, words == nullptr ? "unknown" : words));
    return false;
  }
  refine_devices(hip, count, report);
  return true;
}

}  // namespace

void add_rocm_traces(const DetectOptions& options, Probe& driver) {
  std::error_code error;
  if (std::filesystem::exists(options.root / "dev/kfd", error)) {
    driver.evidence["device_node"] = "/dev/kfd";
  }
  if (std::filesystem::exists(options.root / "sys/module/amdgpu", error)) {
    driver.evidence["kernel_module"] =
        kernel_line(options.root / "sys/module/amdgpu/version", "amdgpu of the kernel");
  }
}

PlatformReport probe_rocm(const DetectOptions& options) {
  PlatformReport report;
  report.platform = Platform::rocm;
  probe_kernel(options, report);
  if (!report.driver.ok) say_no(report.device, "Not looked for: the driver does not work.");
  if (probe_hip(options, report)) {
    check_provider(options,
                   {"libonnxruntime_providers_migraphx.so", "ONNX Runtime's MIGraphX provider",
                    "python3 -m pip install onnxruntime-migraphx"},
                   report.runtime);
  }
  return report;
}

}  // namespace accel::hardware::detail
