// SPDX-License-Identifier: Apache-2.0
// WebGPU outside browsers runs on Vulkan (Dawn): the loader libvulkan.so.1 and the physical devices
// it enumerates. The few structures used are declared here as the Vulkan 1.0 specification lays
// them out (sections 4.2, 5.1, 11.2); only their leading, frozen fields are read.
#include <array>

#include "probes.hpp"

namespace accel::hardware::detail {
namespace {

using VkResult = std::int32_t;
using Instance = void*;
using PhysicalDevice = void*;
using VoidFunction = void (*)();

constexpr VkResult kVkSuccess = 0;
constexpr VkResult kVkIncomplete = 5;
constexpr VkResult kVkIncompatibleDriver = -9;
constexpr std::uint32_t kTypeInstanceCreateInfo = 1;
constexpr std::uint32_t kDeviceTypeCpu = 4;
constexpr std::uint32_t kHeapDeviceLocal = 1;
constexpr std::uint32_t kMaxDevices = 32;

struct InstanceCreateInfo {
  std::uint32_t type = kTypeInstanceCreateInfo;
  const void* next = nullptr;
  std::uint32_t flags = 0;
  const void* application = nullptr;
  std::uint32_t layer_count = 0;
  const char* const* layers = nullptr;
  std::uint32_t extension_count = 0;
  const char* const* extensions = nullptr;
};

// VkPhysicalDeviceProperties; `rest` holds its limits and more (824 bytes in Vulkan 1.0 to 1.4).
struct DeviceProperties {
  std::uint32_t api_version, driver_version, vendor_id, device_id, type;
  std::array<char, 256> name;
  std::array<std::uint64_t, 512> rest;
};

struct MemoryProperties {
  std::uint32_t type_count;
  struct {
    std::uint32_t flags, heap;
  } types[32];
  std::uint32_t heap_count;
  struct {
    std::uint64_t size;
    std::uint32_t flags;
  } heaps[16];
};

using GetInstanceProc = VoidFunction(Instance, const char*);

struct Vulkan {
  GetInstanceProc* get_proc = nullptr;
  Instance instance = nullptr;

  template <class Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(get_proc(instance, name));
  }
};

std::string version_text(std::uint32_t version) {
  return fmt::format("{}.{}.{}", version >> 22U & 0x7FU, version >> 12U & 0x3FFU, version & 0xFFFU);
}

std::string_view type_name(std::uint32_t type) {
  constexpr std::array<std::string_view, 5> kNames{"other", "integrated", "discrete", "virtual",
                                                   "cpu"};
  return type < kNames.size() ? kNames[type] : "unknown";
}

// Vulkan in software: SwiftShader and Mesa's llvmpipe run on the CPU, whatever they pretend.
bool is_emulated(const DeviceProperties& properties) {
  const std::string_view name(properties.name.data());
  return properties.type == kDeviceTypeCpu || name.find("SwiftShader") != std::string_view::npos ||
         name.find("llvmpipe") != std::string_view::npos;
}

std::uint64_t memory_of(const Vulkan& vulkan, PhysicalDevice device) {
  auto* get = vulkan.function<void(PhysicalDevice, MemoryProperties*)>(
      "vkGetPhysicalDeviceMemoryProperties");
  if (get == nullptr) return 0;
  MemoryProperties memory{};
  get(device, &memory);
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(memory.heap_count, 16); ++i) {
    if ((memory.heaps[i].flags & kHeapDeviceLocal) != 0) bytes += memory.heaps[i].size;
  }
  return bytes;
}

Device describe(const Vulkan& vulkan, PhysicalDevice handle, std::size_t index) {
  Device device;
  device.id = fmt::format("webgpu:{}", index);
  auto* get =
      vulkan.function<void(PhysicalDevice, DeviceProperties*)>("vkGetPhysicalDeviceProperties");
  if (get == nullptr) return device;
  DeviceProperties properties{};
  get(handle, &properties);
  properties.name.back() = '\0';
  device.name = properties.name.data();
  device.memory_bytes = memory_of(vulkan, handle);
  device.emulated = is_emulated(properties);
  device.properties["vulkan"] = version_text(properties.api_version);
  device.properties["driver_version"] = fmt::format("{:#x}", properties.driver_version);
  device.properties["type"] = type_name(properties.type);
  device.properties["vendor"] = fmt::format("{:#06x}", properties.vendor_id);
  return device;
}

void probe_devices(const Vulkan& vulkan, PlatformReport& report) {
  auto* enumerate = vulkan.function<VkResult(Instance, std::uint32_t*, PhysicalDevice*)>(
      "vkEnumeratePhysicalDevices");
  std::array<PhysicalDevice, kMaxDevices> handles{};
  std::uint32_t count = kMaxDevices;
  const VkResult result =
      enumerate == nullptr ? -1 : enumerate(vulkan.instance, &count, handles.data());
  if (result != kVkSuccess && result != kVkIncomplete) count = 0;
  for (std::size_t i = 0; i < count; ++i) {
    report.devices.push_back(describe(vulkan, handles[i], i));
  }
  report.device.ok = count > 0;
  report.device.evidence["count"] = std::to_string(count);
  if (!report.device.ok) {
    return say_no(report.device, fmt::format("Vulkan offers no device (VkResult {}).", result));
  }
  report.device.evidence["name"] = report.devices.front().name;
}

bool create_instance(Vulkan& vulkan, Probe& driver) {
  if (auto* version = vulkan.function<VkResult(std::uint32_t*)>("vkEnumerateInstanceVersion")) {
    std::uint32_t number = 0;
    if (version(&number) == kVkSuccess) driver.evidence["loader_version"] = version_text(number);
  }
  auto* create = vulkan.function<VkResult(const InstanceCreateInfo*, const void*, Instance*)>(
      "vkCreateInstance");
  const InstanceCreateInfo info;
  const VkResult result = create == nullptr ? -1 : create(&info, nullptr, &vulkan.instance);
  if (result == kVkSuccess) return true;
  say_no(driver,
         result == kVkIncompatibleDriver
             ? "The Vulkan loader finds no driver. Install your GPU's (Debian: mesa-vulkan-drivers "
               "or nvidia-vulkan-icd)."
             : fmt::format("The Vulkan loader cannot start (VkResult {}).", result));
  return false;
}

}  // namespace

PlatformReport probe_webgpu(const DetectOptions& options) {
  PlatformReport report;
  report.platform = Platform::webgpu;
  say_no(report.device, "Not looked for: the driver does not work.");
  check_provider(options,
                 {"libonnxruntime_providers_webgpu.so", "ONNX Runtime's WebGPU provider",
                  "python3 -m pip install onnxruntime-ep-webgpu, or connect a browser tab"},
                 report.runtime);
  auto library = open_vendor_library(options, {"libvulkan.so.1"});
  if (!library) {
    say_no(report.driver, fmt::format("The Vulkan loader (libvulkan.so.1) is not installed ({}). "
                                      "Install it (Debian: libvulkan1) and your GPU's driver "
                                      "(mesa-vulkan-drivers or nvidia-vulkan-icd).",
                                      library.error().cause));
    return report;
  }
  library->keep_loaded();
  report.driver.evidence["library"] = library->path().string();
  Vulkan vulkan;
  if (!library->bind(vulkan.get_proc, "vkGetInstanceProcAddr")) {
    say_no(report.driver, "libvulkan.so.1 has no vkGetInstanceProcAddr: it is no Vulkan loader.");
    return report;
  }
  report.driver.ok = create_instance(vulkan, report.driver);
  if (report.driver.ok) {
    report.device.reason.clear();
    probe_devices(vulkan, report);
  }
  return report;
}

}  // namespace accel::hardware::detail
