// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this process takes. Used by db, which bounds queries, and by server, which exports it.

#include <cstdint>

namespace accel {

// Memory of this process that is in RAM, pages of mapped files included (proc(5), statm); 0 when
// that can't be read.
std::uint64_t resident_bytes();

}  // namespace accel
