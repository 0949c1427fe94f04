// SPDX-License-Identifier: Apache-2.0
// A register accumulator depends on itself alone, so a kernel needs latency x throughput of them to
// keep the units busy: 12 to 16 cover FMA latencies up to 6 at two a cycle and fit the register
// file. They start at different values: a compiler proves equal chains equal and runs only one of
// them. Values stay finite: x -> a x + b with |a| < 1 has a fixed point. Operation counts: a fused
// multiply-add is 2, an 8-bit multiply and its addition into 32 bits are 2. Every kernel returns
// the sum of all its lanes, which the tests compare with plain arithmetic.
#include "cpu_kernels.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace accel::hardware::detail {
namespace {

constexpr float kFactor = kKernelFactor;
constexpr float kTerm = kKernelTerm;
constexpr std::size_t kPortableLanes = 64;

double portable_f32(std::uint64_t rounds) {
  std::array<float, kPortableLanes> lanes{};
  for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i] = static_cast<float>(i);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (float& lane : lanes) lane = lane * kFactor + kTerm;
  }
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

double portable_int8(std::uint64_t rounds) {
  std::array<std::uint32_t, kPortableLanes> sums{};
  std::array<std::uint8_t, kPortableLanes> left{};
  std::array<std::int8_t, kPortableLanes> right{};
  left.fill(kKernelLeft);
  right.fill(kKernelRight);
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = static_cast<std::uint32_t>(i);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    asm volatile("" : : "r"(left.data()), "r"(right.data()) : "memory");  // They may have changed.
    for (std::size_t i = 0; i < kPortableLanes; ++i) {
      sums[i] += static_cast<std::uint32_t>(static_cast<int>(left[i]) * static_cast<int>(right[i]));
    }
  }
  double total = 0;
  for (const std::uint32_t sum : sums) total += static_cast<double>(sum);
  return total;
}

#if defined(__x86_64__)

// AVX2 has 16 registers: 12 accumulators and their operands. AVX-512 has 32.
constexpr std::size_t kAvx2Lanes = 12;
constexpr std::size_t kAvx512Lanes = 16;
using Avx2Lanes = std::make_index_sequence<kAvx2Lanes>;
using Avx512Lanes = std::make_index_sequence<kAvx512Lanes>;

template <class Element, class Vector, std::size_t Count>
double sum_of(const Vector (&lanes)[Count]) {
  constexpr std::size_t kElements = sizeof(Vector) / sizeof(Element);
  double total = 0;
  for (const Vector& lane : lanes) {
    std::array<Element, kElements> elements;
    std::memcpy(elements.data(), &lane, sizeof lane);
    for (const Element element : elements) total += static_cast<double>(element);
  }
  return total;
}

// Each instruction set repeats the same lines: a target attribute cannot be a parameter.
template <std::size_t... I>
[[gnu::target("avx2,fma")]] double avx2_f32_lanes(std::uint64_t rounds, std::index_sequence<I...>) {
  __m256 lanes[sizeof...(I)] = {_mm256_set1_ps(static_cast<float>(I))...};
  const __m256 factor = _mm256_set1_ps(kFactor);
  const __m256 term = _mm256_set1_ps(kTerm);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    ((lanes[I] = _mm256_fmadd_ps(lanes[I], factor, term)), ...);
  }
  return sum_of<float>(lanes);
}

template <std::size_t... I>
[[gnu::target("avx512f")]] double avx512_f32_lanes(std::uint64_t rounds,
                                                   std::index_sequence<I...>) {
  __m512 lanes[sizeof...(I)] = {_mm512_set1_ps(static_cast<float>(I))...};
  const __m512 factor = _mm512_set1_ps(kFactor);
  const __m512 term = _mm512_set1_ps(kTerm);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    ((lanes[I] = _mm512_fmadd_ps(lanes[I], factor, term)), ...);
  }
  return sum_of<float>(lanes);
}

// Makes a value look new, so that products of it are computed again for every lane.
[[gnu::target("avx2")]] inline __m256i renewed(__m256i value) {
  asm volatile("" : "+x"(value));
  return value;
}

template <std::size_t... I>
[[gnu::target("avx2")]] double avx2_int8_lanes(std::uint64_t rounds, std::index_sequence<I...>) {
  __m256i sums[sizeof...(I)] = {_mm256_set1_epi32(static_cast<int>(I))...};
  const __m256i ones = _mm256_set1_epi16(1);
  const __m256i left = _mm256_set1_epi8(kKernelLeft);
  const __m256i right = _mm256_set1_epi8(kKernelRight);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    ((sums[I] = _mm256_add_epi32(
          sums[I], _mm256_madd_epi16(_mm256_maddubs_epi16(renewed(left), right), ones))),
     ...);
  }
  return sum_of<std::uint32_t>(sums);
}

template <std::size_t... I>
[[gnu::target("avxvnni,avx2")]] double avx_vnni_int8_lanes(std::uint64_t rounds,
                                                           std::index_sequence<I...>) {
  __m256i sums[sizeof...(I)] = {_mm256_set1_epi32(static_cast<int>(I))...};
  const __m256i left = _mm256_set1_epi8(kKernelLeft);
  const __m256i right = _mm256_set1_epi8(kKernelRight);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    ((sums[I] = _mm256_dpbusd_avx_epi32(sums[I], left, right)), ...);
  }
  return sum_of<std::uint32_t>(sums);
}

template <std::size_t... I>
[[gnu::target("avx512f,avx512vnni")]] double avx512_vnni_int8_lanes(std::uint64_t rounds,
                                                                    std::index_sequence<I...>) {
  __m512i sums[sizeof...(I)] = {_mm512_set1_epi32(static_cast<int>(I))...};
  const __m512i left = _mm512_set1_epi8(kKernelLeft);
  const __m512i right = _mm512_set1_epi8(kKernelRight);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    ((sums[I] = _mm512_dpbusd_epi32(sums[I], left, right)), ...);
  }
  return sum_of<std::uint32_t>(sums);
}

double avx2_f32(std::uint64_t rounds) { return avx2_f32_lanes(rounds, Avx2Lanes{}); }
double avx512_f32(std::uint64_t rounds) { return avx512_f32_lanes(rounds, Avx512Lanes{}); }
double avx2_int8(std::uint64_t rounds) { return avx2_int8_lanes(rounds, Avx2Lanes{}); }
double avx_vnni_int8(std::uint64_t rounds) { return avx_vnni_int8_lanes(rounds, Avx2Lanes{}); }
double avx512_vnni_int8(std::uint64_t rounds) {
  return avx512_vnni_int8_lanes(rounds, Avx512Lanes{});
}

[[gnu::target("avx2")]] std::uint64_t read_avx2(const std::uint8_t* data, std::size_t size_bytes) {
  __m256i sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                     _mm256_setzero_si256()};
  for (std::size_t at = 0; at + 128 <= size_bytes; at += 128) {
    const auto* words = reinterpret_cast<const __m256i*>(data + at);
    sums[0] = _mm256_xor_si256(sums[0], _mm256_load_si256(words));
    sums[1] = _mm256_xor_si256(sums[1], _mm256_load_si256(words + 1));
    sums[2] = _mm256_xor_si256(sums[2], _mm256_load_si256(words + 2));
    sums[3] = _mm256_xor_si256(sums[3], _mm256_load_si256(words + 3));
  }
  const __m256i sum =
      _mm256_xor_si256(_mm256_xor_si256(sums[0], sums[1]), _mm256_xor_si256(sums[2], sums[3]));
  alignas(32) std::array<std::uint64_t, 4> out{};
  _mm256_store_si256(reinterpret_cast<__m256i*>(out.data()), sum);
  return out[0] ^ out[1] ^ out[2] ^ out[3];
}

#endif

// Best first; the portable kernel last.
const std::array kF32Kernels{
#if defined(__x86_64__)
    ComputeKernel{"AVX-512 FMA, 16 accumulators of 16 floats",
                  {"avx512f", ""},
                  kAvx512Lanes,
                  16,
                  1,
                  avx512_f32},
    ComputeKernel{
        "AVX2 FMA, 12 accumulators of 8 floats", {"avx2", "fma"}, kAvx2Lanes, 8, 1, avx2_f32},
#endif
    ComputeKernel{
        "portable multiply and add, 64 floats", {"", ""}, kPortableLanes, 1, 1, portable_f32},
};
const std::array kInt8Kernels{
#if defined(__x86_64__)
    ComputeKernel{"AVX512-VNNI dpbusd, 16 accumulators",
                  {"avx512f", "avx512_vnni"},
                  kAvx512Lanes,
                  16,
                  4,
                  avx512_vnni_int8},
    ComputeKernel{
        "AVX-VNNI dpbusd, 12 accumulators", {"avx2", "avx_vnni"}, kAvx2Lanes, 8, 4, avx_vnni_int8},
    ComputeKernel{
        "AVX2 maddubs + madd + add, 12 accumulators", {"avx2", ""}, kAvx2Lanes, 8, 4, avx2_int8},
#endif
    ComputeKernel{
        "portable 8-bit multiply and add, 64 lanes", {"", ""}, kPortableLanes, 1, 1, portable_int8},
};

bool runs_on(const ComputeKernel& kernel, const CpuInfo& cpu) {
  return std::all_of(std::begin(kernel.needs), std::end(kernel.needs),
                     [&](std::string_view need) { return need.empty() || cpu.has(need); });
}

template <class Kernels>
const ComputeKernel& first_runnable(const Kernels& kernels, const CpuInfo& cpu) {
  for (const ComputeKernel& kernel : kernels) {
    if (runs_on(kernel, cpu)) return kernel;
  }
  return kernels.back();
}

std::uint64_t read_portable(const std::uint8_t* data, std::size_t size_bytes) {
  std::array<std::uint64_t, 8> sums{};
  const auto* words = reinterpret_cast<const std::uint64_t*>(data);
  const std::size_t count = size_bytes / sizeof(std::uint64_t);
  for (std::size_t at = 0; at + sums.size() <= count; at += sums.size()) {
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] ^= words[at + lane];
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t lane : sums) sum ^= lane;
  return sum;
}

}  // namespace

const ComputeKernel& f32_kernel(const CpuInfo& cpu) { return first_runnable(kF32Kernels, cpu); }

const ComputeKernel& int8_kernel(const CpuInfo& cpu) { return first_runnable(kInt8Kernels, cpu); }

std::vector<const ComputeKernel*> runnable_kernels(const CpuInfo& cpu) {
  std::vector<const ComputeKernel*> kernels;
  for (const ComputeKernel& kernel : kF32Kernels) {
    if (runs_on(kernel, cpu)) kernels.push_back(&kernel);
  }
  for (const ComputeKernel& kernel : kInt8Kernels) {
    if (runs_on(kernel, cpu)) kernels.push_back(&kernel);
  }
  return kernels;
}

std::uint64_t read_memory(const std::uint8_t* data, std::size_t size_bytes) {
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  if (avx2) return read_avx2(data, size_bytes);
#endif
  return read_portable(data, size_bytes);
}

}  // namespace accel::hardware::detail
