// SPDX-License-Identifier: Apache-2.0
// A libcuda.so.1 for tests: FAKE_BEHAVIOUR decides how its driver behaves.
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>

enum Behaviour { healthy, crashes, hangs, without_gpu, stub, prints };

extern "C" {
int cuInit(unsigned) {
  switch (FAKE_BEHAVIOUR) {
    case crashes:
      std::raise(SIGSEGV);
      return 0;
    case hangs:
      for (;;) ::pause();
    case without_gpu:
      return 100;
    case stub:
      return 34;
    case prints:
      std::printf("vendor noise on stdout\n");
      std::fflush(stdout);
      return 0;
    default:
      return 0;
  }
}
int cuDriverGetVersion(int* version) {
  *version = 12040;
  return 0;
}
int cuDeviceGetCount(int* count) {
  *count = 2;
  return 0;
}
int cuDeviceGet(int* device, int index) {
  *device = index;
  return 0;
}
int cuDeviceGetName(char* name, int size, int device) {
  std::snprintf(name, static_cast<std::size_t>(size), "Test GPU %d \xFF", device);
  return 0;
}
int cuDeviceTotalMem_v2(std::size_t* bytes, int) {
  *bytes = 80ULL << 30U;
  return 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75 ? 9 : attribute == 16 ? 132 : 0;
  return 0;
}
int cuDeviceGetPCIBusId(char* id, int size, int) {
  std::snprintf(id, static_cast<std::size_t>(size), "0000:17:00.0");
  return 0;
}
int cuGetErrorString(int, const char** text) {
  *text = "the driver's own words";
  return 0;
}
}
