// SPDX-License-Identifier: Apache-2.0
#pragma once
// The process that renders a model's chat template: this very program, started again under a name
// of its own. A constructor that runs before main() sees the name and never comes back, so that
// whatever program holds this library has the process, and no helper has to be found beside it.
// Bounded by the kernel: memory (RLIMIT_AS), processor time (RLIMIT_CPU), no files to open or
// write; whoever asks it bounds the time that passes. Used by ChatRenderer.

#include <cstdint>

namespace accel::inference::llama {

// argv[0] of the process, which asks on this descriptor and is answered there.
extern const char* const kRenderProcess;
constexpr int kRenderFd = 3;

// How it ends when memory does.
constexpr int kOutOfMemoryExit = 71;  // EX_OSERR of sysexits.h

constexpr std::uint64_t kMaxRenderFrame = 64U << 20U;  // Bytes, either way.

}  // namespace accel::inference::llama
