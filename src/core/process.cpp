// SPDX-License-Identifier: Apache-2.0
#include "accel/core/process.hpp"

#include <unistd.h>

#include <cstdio>

#include "accel/core/file.hpp"

namespace accel {

std::uint64_t resident_bytes() {
  const auto fd = open_file("/proc/self/statm", 0);
  char text[128] = {};
  if (!fd || ::read(fd->get(), text, sizeof text - 1) <= 0) return 0;
  unsigned long long total = 0;
  unsigned long long resident = 0;
  if (std::sscanf(text, "%llu %llu", &total, &resident) != 2) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace accel
