// SPDX-License-Identifier: Apache-2.0
#pragma once
// What memory this process holds, and how much more it could have before the kernel swaps or kills.
// Used by node (the pool of models). Reads /proc and /sys: microseconds, any thread.

#include <cstdint>
#include <filesystem>
#include <optional>

namespace accel::hardware {

struct ProcessMemory {
  std::uint64_t resident_bytes = 0;   // All that lies in memory, mapped files too (VmRSS).
  std::uint64_t anonymous_bytes = 0;  // Of it, what no file backs.
};

// Of /proc/self/statm. nullopt: the kernel does not say. root stands for "/" (tests).
std::optional<ProcessMemory> process_memory(const std::filesystem::path& root = "/");

// The most that was resident since the process began, or since restart_peak_memory() (VmHWM).
// nullopt: the kernel does not say.
std::optional<std::uint64_t> peak_memory(const std::filesystem::path& root = "/");

// Lets peak_memory() begin anew; for whoever else reads VmHWM of this process, too. False where the
// kernel has no such file or the process may not write it (proc_pid_clear_refs(5)).
bool restart_peak_memory(const std::filesystem::path& root = "/");

// Bytes that this process could still take: the least of MemAvailable and of what each of its
// control groups leaves. It changes all the time. nullopt: the kernel does not say.
std::optional<std::uint64_t> memory_headroom(const std::filesystem::path& root = "/");

// From now on, what is allocated in pieces of 256 KiB or more goes back to the system when it is
// freed, at the price of fresh pages for each. For processes that free much at a time: by itself,
// glibc raises these limits to 32 and 64 MiB, and each thread's heap keeps as much for ever (its
// end is out of malloc_trim's reach). Nothing where the C library offers no such call.
void keep_little_freed_memory();

// Freed memory that the allocator keeps for later goes back to the system. It takes milliseconds
// and holds up whoever allocates meanwhile. Nothing where the C library offers no such call.
void return_freed_memory();

}  // namespace accel::hardware
