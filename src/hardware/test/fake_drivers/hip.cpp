// SPDX-License-Identifier: Apache-2.0
// A libamdhip64.so.7 for tests: one GPU.
#include <cstddef>
#include <cstdio>

extern "C" {
int hipInit(unsigned) { return 0; }
int hipRuntimeGetVersion(int* version) {
  *version = 70051831;
  return 0;
}
int hipGetDeviceCount(int* count) {
  *count = 1;
  return 0;
}
int hipDeviceGetName(char* name, int size, int) {
  std::snprintf(name, static_cast<std::size_t>(size), "AMD Instinct MI300X");
  return 0;
}
int hipDeviceTotalMem(std::size_t* bytes, int) {
  *bytes = 191ULL << 30U;
  return 0;
}
const char* hipGetErrorString(int) { return "the runtime's own words"; }
}
