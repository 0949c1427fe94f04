// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this process has used of the CPUs so far, its own work and the system's.

#include <sys/resource.h>

namespace accel {

inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace accel
