// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which CPUs the scheduler may put this process on. Private to hardware.

#include <vector>

namespace accel::hardware::detail {

std::vector<int> affinity();  // Sorted; empty where the system does not say.

}  // namespace accel::hardware::detail
