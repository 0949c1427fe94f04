// SPDX-License-Identifier: Apache-2.0
#include "affinity.hpp"

#ifdef __linux__
#include <sched.h>
#endif

#include "accel/hardware/procfs.hpp"

namespace accel::hardware::detail {

#ifdef __linux__
std::vector<int> affinity() {
  std::vector<int> cpus;
  // The kernel refuses a set that is smaller than its own: grow until it fits.
  for (int capacity = 1024; capacity <= procfs::kMaxCpus && cpus.empty(); capacity *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(capacity));
    if (set == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    const bool ok = ::sched_getaffinity(0, size, set) == 0;
    for (int cpu = 0; ok && cpu < capacity; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), size, set)) cpus.push_back(cpu);
    }
    CPU_FREE(set);
  }
  return cpus;
}
#else
std::vector<int> affinity() { return {}; }
#endif

}  // namespace accel::hardware::detail
