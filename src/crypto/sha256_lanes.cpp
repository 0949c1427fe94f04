// SPDX-License-Identifier: Apache-2.0
// Which kernels there are, and which of them this CPU runs.
#include "sha256_lanes.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace accel::crypto::detail {
namespace {

Sha256Cpu detect() {
  Sha256Cpu cpu;
#if defined(__x86_64__)
  // These two also ask whether the system saves the wide registers.
  cpu.avx2 = __builtin_cpu_supports("avx2") != 0;
  cpu.avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  // CPUID leaf 7, EBX bit 29: SHA. Its registers are those of SSE, which every system saves.
  constexpr unsigned int kShaBit = 1U << 29;
  unsigned int eax = 0;
  unsigned int ebx = 0;
  unsigned int ecx = 0;
  unsigned int edx = 0;
  cpu.sha_ni = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & kShaBit) != 0 &&
               __builtin_cpu_supports("sse4.1") != 0 && __builtin_cpu_supports("ssse3") != 0;
#endif
  return cpu;
}

#if defined(__x86_64__)
constexpr Sha256Compress kAvx2X8 = compress_avx2_x8;
constexpr Sha256Compress kShaNi = compress_sha_ni;
constexpr Sha256Compress kShaNiX2 = compress_sha_ni_x2;
constexpr Sha256Compress kShaNiX4 = compress_sha_ni_x4;
constexpr Sha256Compress kAvx512X16 = compress_avx512_x16;
#else
constexpr Sha256Compress kAvx2X8 = nullptr;
constexpr Sha256Compress kShaNi = nullptr;
constexpr Sha256Compress kShaNiX2 = nullptr;
constexpr Sha256Compress kShaNiX4 = nullptr;
constexpr Sha256Compress kAvx512X16 = nullptr;
#endif

}  // namespace

const Sha256Cpu& sha256_cpu() {
  static const Sha256Cpu cpu = detect();
  return cpu;
}

const Sha256Table& sha256_table() {
  static const Sha256Table table = [] {
    const Sha256Cpu& cpu = sha256_cpu();
    using enum Sha256Lanes;
    return Sha256Table{
        {{{openssl, "openssl", 1, "", true},
          {portable, "portable", 1, "", true},
          {avx2_x8, "avx2_x8", 8, "AVX2", cpu.avx2},
          {sha_ni, "sha_ni", 1, "SHA, SSE4.1", cpu.sha_ni},
          {sha_ni_x2, "sha_ni_x2", 2, "SHA, SSE4.1", cpu.sha_ni},
          {sha_ni_x4, "sha_ni_x4", 4, "SHA, SSE4.1", cpu.sha_ni},
          {avx512_x16, "avx512_x16", 16, "AVX-512 F and BW", cpu.avx512}}},
        {nullptr, compress_portable, kAvx2X8, kShaNi, kShaNiX2, kShaNiX4, kAvx512X16}};
  }();
  return table;
}

}  // namespace accel::crypto::detail
