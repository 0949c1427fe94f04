// SPDX-License-Identifier: Apache-2.0
// CUDA through the driver API of libcuda.so.1, declared here as NVIDIA's CUDA Driver API reference
// gives it (functions, error and attribute numbers are stable ABI); no CUDA package is needed.
#include <array>

#include "accel/hardware/procfs.hpp"
#include "kernel_file.hpp"
#include "probes.hpp"

namespace accel::hardware::detail {
namespace {

using CuResult = int;
using CuDevice = int;

// cudaError_enum
constexpr CuResult kSuccess = 0;
constexpr CuResult kStubLibrary = 34;
constexpr CuResult kNoDevice = 100;
constexpr CuResult kDriverMismatch = 803;
// CUdevice_attribute_enum
constexpr int kMultiprocessors = 16;
constexpr int kComputeMajor = 75;
constexpr int kComputeMinor = 76;

constexpr int kMaxDevices = 64;

struct Driver {
  CuResult (*init)(unsigned) = nullptr;
  CuResult (*version)(int*) = nullptr;
  CuResult (*count)(int*) = nullptr;
  CuResult (*get)(CuDevice*, int) = nullptr;
  CuResult (*name)(char*, int, CuDevice) = nullptr;
  CuResult (*memory)(std::size_t*, CuDevice) = nullptr;
  CuResult (*attribute)(int*, int, CuDevice) = nullptr;
  CuResult (*pci)(char*, int, CuDevice) = nullptr;
  CuResult (*error_text)(CuResult, const char**) = nullptr;

  Status bind(const SharedLibrary& library) {
    ACCEL_CHECK(library.bind(init, "cuInit"));
    ACCEL_CHECK(library.bind(version, "cuDriverGetVersion"));
    ACCEL_CHECK(library.bind(count, "cuDeviceGetCount"));
    ACCEL_CHECK(library.bind(get, "cuDeviceGet"));
    ACCEL_CHECK(library.bind(name, "cuDeviceGetName"));
    ACCEL_CHECK(library.bind(memory, "cuDeviceTotalMem_v2"));
    ACCEL_CHECK(library.bind(attribute, "cuDeviceGetAttribute"));
    ACCEL_CHECK(library.bind(pci, "cuDeviceGetPCIBusId"));
    return library.bind(error_text, "cuGetErrorString");
  }

  std::string words(CuResult result) const {
    const char* text = nullptr;
    if (error_text(result, &text) != kSuccess || text == nullptr) text = "unknown error";
    return fmt::format("CUDA error {}: {}", result, text);
  }
};

std::string missing_library_reason(const Probe& driver, const std::string& cause) {
  if (driver.evidence.contains("kernel_module")) {
    return fmt::format(
        "NVIDIA's kernel module {} is loaded but libcuda.so.1 cannot be: {}. Install the driver's "
        "libraries of the same version (Debian: libcuda1), or start the container with GPU access.",
        driver.evidence.at("kernel_module"), cause);
  }
  return fmt::format(
      "NVIDIA's driver is not installed ({}). With an NVIDIA GPU, install it (Debian: "
      "nvidia-driver), or start the container with GPU access.",
      cause);
}

std::string init_reason(const Driver& driver, CuResult result) {
  const std::string words = driver.words(result);
  switch (result) {
    case kNoDevice:
      return fmt::format(
          "The driver sees no NVIDIA GPU ({}). Check nvidia-smi and CUDA_VISIBLE_DEVICES.", words);
    case kStubLibrary:
      return fmt::format(
          "libcuda.so.1 is the stub of the CUDA toolkit, not a driver ({}). Take the stubs folder "
          "out of LD_LIBRARY_PATH.",
          words);
    case kDriverMismatch:
      return fmt::format(
          "The kernel module and libcuda.so.1 are of different versions ({}). Reboot, or install "
          "matching ones.",
          words);
    default:
      return fmt::format("cuInit failed ({}). Check nvidia-smi and dmesg.", words);
  }
}

Device describe(const Driver& driver, int index) {
  Device device;
  device.id = fmt::format("cuda:{}", index);
  CuDevice handle = 0;
  if (driver.get(&handle, index) != kSuccess) return device;
  std::array<char, 256> text{};
  if (driver.name(text.data(), static_cast<int>(text.size()) - 1, handle) == kSuccess) {
    device.name = text.data();
  }
  std::size_t bytes = 0;
  if (driver.memory(&bytes, handle) == kSuccess) device.memory_bytes = bytes;
  int major = 0;
  int minor = 0;
  if (driver.attribute(&major, kComputeMajor, handle) == kSuccess &&
      driver.attribute(&minor, kComputeMinor, handle) == kSuccess) {
    device.properties["compute_capability"] = fmt::format("{}.{}", major, minor);
  }
  int units = 0;
  if (driver.attribute(&units, kMultiprocessors, handle) == kSuccess) {
    device.properties["multiprocessors"] = std::to_string(units);
  }
  if (driver.pci(text.data(), static_cast<int>(text.size()) - 1, handle) == kSuccess) {
    device.properties["pci"] = text.data();
  }
  return device;
}

void probe_devices(const Driver& driver, PlatformReport& report) {
  int count = 0;
  const CuResult counted = driver.count(&count);
  if (counted != kSuccess || count <= 0) {
    return say_no(report.device, counted == kSuccess ? "The driver works and offers no GPU. Check "
                                                       "CUDA_VISIBLE_DEVICES and nvidia-smi."
                                                     : "The GPUs cannot be counted (" +
                                                           driver.words(counted) + ").");
  }
  for (int index = 0; index < std::min(count, kMaxDevices); ++index) {
    report.devices.push_back(describe(driver, index));
  }
  report.device.ok = true;
  report.device.evidence["count"] = std::to_string(count);
  report.device.evidence["name"] = report.devices.front().name;
}

bool probe_driver(const DetectOptions& options, PlatformReport& report, Driver& driver) {
  add_cuda_traces(options, report.driver);
  auto library = open_vendor_library(options, {"libcuda.so.1"});
  if (!library) {
    say_no(report.driver, missing_library_reason(report.driver, library.error().cause));
    return false;
  }
  library->keep_loaded();
  report.driver.evidence["library"] = library->path().string();
  if (const Status bound = driver.bind(*library); !bound) {
    say_no(report.driver, "libcuda.so.1 is not NVIDIA's driver: " + bound.error().message);
    return false;
  }
  int version = 0;
  if (driver.version(&version) == kSuccess) {
    report.driver.evidence["cuda_version"] = cuda_version_text(version);
  }
  const CuResult started = driver.init(0);
  report.driver.ok = started == kSuccess;
  if (started != kSuccess) say_no(report.driver, init_reason(driver, started));
  return report.driver.ok;
}

}  // namespace

void add_cuda_traces(const DetectOptions& options, Probe& driver) {
  const auto text = read_kernel_file(options.root / "proc/driver/nvidia/version");
  if (text) {
    driver.evidence["kernel_module"] = procfs::parse_nvidia_version(*text).value_or("unknown");
  }
  const auto nodes = entries_with_prefix(options, "dev", "nvidia");
  if (!nodes.empty()) driver.evidence["device_nodes"] = join(nodes);
  if (!entries_with_prefix(options, "dev", "dxg").empty()) driver.evidence["wsl"] = "/dev/dxg";
}

PlatformReport probe_cuda(const DetectOptions& options) {
  PlatformReport report;
  report.platform = Platform::cuda;
  Driver driver;
  if (probe_driver(options, report, driver)) {
    probe_devices(driver, report);
  } else {
    say_no(report.device, "Not looked for: the driver does not work.");
  }
  check_provider(options,
                 {"libonnxruntime_providers_cuda.so", "ONNX Runtime's CUDA provider",
                  "python3 -m pip install onnxruntime-gpu and the nvidia-*-cu13 packages it needs, "
                  "and put their libraries beside libonnxruntime.so.1"},
                 report.runtime);
  return report;
}

}  // namespace accel::hardware::detail
