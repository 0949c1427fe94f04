// SPDX-License-Identifier: Apache-2.0
// A libvulkan.so.1 for tests: one discrete GPU and one SwiftShader.
#include <cstdint>
#include <cstring>

namespace {

int instance_token = 0;
int device_tokens[2] = {0, 1};

int enumerate_version(std::uint32_t* version) {
  *version = (1U << 22U) | (3U << 12U) | 250U;
  return 0;
}
int create_instance(const void*, const void*, void** instance) {
  *instance = &instance_token;
  return 0;
}
int enumerate_devices(void*, std::uint32_t* count, void** devices) {
  *count = 2;
  devices[0] = &device_tokens[0];
  devices[1] = &device_tokens[1];
  return 0;
}
// Writes as much as the real VkPhysicalDeviceProperties has: 824 bytes.
void properties(void* device, unsigned char* out) {
  const bool software = device == &device_tokens[1];
  const std::uint32_t head[5] = {(1U << 22U) | (3U << 12U), 7, software ? 0x1AE0U : 0x10DEU, 1,
                                 software ? 4U : 2U};
  std::memset(out, 0x5A, 824);
  std::memcpy(out, head, sizeof head);
  const char* name = software ? "SwiftShader Device (Subzero)" : "Test GPU";
  std::memcpy(out + sizeof head, name, std::strlen(name) + 1);
}
void memory(void*, unsigned char* out) {  // 520 bytes: types, then heaps from byte 264.
  std::memset(out, 0, 520);
  const std::uint32_t heap_count = 2;
  const std::uint64_t sizes[2] = {8ULL << 30U, 16ULL << 30U};
  const std::uint32_t device_local = 1;
  std::memcpy(out + 260, &heap_count, sizeof heap_count);
  std::memcpy(out + 264, &sizes[0], sizeof sizes[0]);
  std::memcpy(out + 272, &device_local, sizeof device_local);
  std::memcpy(out + 280, &sizes[1], sizeof sizes[1]);
}

template <class Function>
void* address(Function* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

extern "C" void* vkGetInstanceProcAddr(void*, const char* name) {
  if (std::strcmp(name, "vkEnumerateInstanceVersion") == 0) return address(enumerate_version);
  if (std::strcmp(name, "vkCreateInstance") == 0) return address(create_instance);
  if (std::strcmp(name, "vkEnumeratePhysicalDevices") == 0) return address(enumerate_devices);
  if (std::strcmp(name, "vkGetPhysicalDeviceProperties") == 0) return address(properties);
  if (std::strcmp(name, "vkGetPhysicalDeviceMemoryProperties") == 0) return address(memory);
  return nullptr;
}
