// SPDX-License-Identifier: Apache-2.0
// SHA-256 of 16 messages side by side: word i of a vector belongs to message i. AVX-512 has what
// AVX2 lacks here: a rotation, any function of three words in one instruction, 32 registers.
#include "sha256_kernels.hpp"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 takes the undefined vectors inside its own intrinsics for variables that nobody set.
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#define ACCEL_AVX512 __attribute__((target("avx512f,avx512bw")))
#define ACCEL_AVX512_INLINE ACCEL_AVX512 __attribute__((always_inline)) inline

namespace accel::crypto::detail {
namespace {

constexpr std::size_t kPrefetchBytes = 512;

using V = __m512i;

struct Variables {
  V a, b, c, d, e, f, g, h;
};

ACCEL_AVX512_INLINE V add(V x, V y) { return _mm512_add_epi32(x, y); }
ACCEL_AVX512_INLINE V broadcast(std::uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }
ACCEL_AVX512_INLINE V xor3(V x, V y, V z) { return _mm512_ternarylogic_epi32(x, y, z, 0x96); }
ACCEL_AVX512_INLINE V choice(V e, V f, V g) { return _mm512_ternarylogic_epi32(e, f, g, 0xca); }
ACCEL_AVX512_INLINE V majority(V a, V b, V c) { return _mm512_ternarylogic_epi32(a, b, c, 0xe8); }
ACCEL_AVX512_INLINE V sum0(V x) {
  return xor3(_mm512_ror_epi32(x, 2), _mm512_ror_epi32(x, 13), _mm512_ror_epi32(x, 22));
}
ACCEL_AVX512_INLINE V sum1(V x) {
  return xor3(_mm512_ror_epi32(x, 6), _mm512_ror_epi32(x, 11), _mm512_ror_epi32(x, 25));
}
ACCEL_AVX512_INLINE V sigma0(V x) {
  return xor3(_mm512_ror_epi32(x, 7), _mm512_ror_epi32(x, 18), _mm512_srli_epi32(x, 3));
}
ACCEL_AVX512_INLINE V sigma1(V x) {
  return xor3(_mm512_ror_epi32(x, 17), _mm512_ror_epi32(x, 19), _mm512_srli_epi32(x, 10));
}

ACCEL_AVX512_INLINE V hold(V x) {
  asm("" : "+v"(x));
  return x;
}

// One round of FIPS 180-4, section 6.2.2. Instead of moving eight variables along, the next round
// names them one place further: here d becomes the new e, and h the new a.
ACCEL_AVX512_INLINE void round(const V& a, const V& b, const V& c, V& d, const V& e, const V& f,
                               const V& g, V& h, V word, std::uint32_t constant) {
  // The next round waits for d, and d for sum1(e): that sum comes last, and the additions before it
  // do not wait. hold() keeps the compiler from adding in another order (a quarter slower).
  const V early = hold(add(hold(add(h, add(word, broadcast(constant)))), choice(e, f, g)));
  const V late = hold(sum1(e));
  d = add(hold(add(d, early)), late);
  h = add(hold(add(hold(add(early, majority(a, b, c))), late)), sum0(a));
}

// W(t) of the ring of 16 words, which is first brought forward by 16 when kExpand.
template <bool kExpand, std::size_t kAt>
ACCEL_AVX512_INLINE V word(V (&w)[16]) {
  if constexpr (kExpand) {
    const V older = add(w[kAt], sigma0(w[(kAt + 1) % 16]));
    w[kAt] = add(older, add(w[(kAt + 9) % 16], sigma1(w[(kAt + 14) % 16])));
  }
  return w[kAt];
}

template <bool kExpand>
ACCEL_AVX512_INLINE void sixteen_rounds(Variables& s, V (&w)[16], const std::uint32_t* k) {
  round(s.a, s.b, s.c, s.d, s.e, s.f, s.g, s.h, word<kExpand, 0>(w), k[0]);
  round(s.h, s.a, s.b, s.c, s.d, s.e, s.f, s.g, word<kExpand, 1>(w), k[1]);
  round(s.g, s.h, s.a, s.b, s.c, s.d, s.e, s.f, word<kExpand, 2>(w), k[2]);
  round(s.f, s.g, s.h, s.a, s.b, s.c, s.d, s.e, word<kExpand, 3>(w), k[3]);
  round(s.e, s.f, s.g, s.h, s.a, s.b, s.c, s.d, word<kExpand, 4>(w), k[4]);
  round(s.d, s.e, s.f, s.g, s.h, s.a, s.b, s.c, word<kExpand, 5>(w), k[5]);
  round(s.c, s.d, s.e, s.f, s.g, s.h, s.a, s.b, word<kExpand, 6>(w), k[6]);
  round(s.b, s.c, s.d, s.e, s.f, s.g, s.h, s.a, word<kExpand, 7>(w), k[7]);
  round(s.a, s.b, s.c, s.d, s.e, s.f, s.g, s.h, word<kExpand, 8>(w), k[8]);
  round(s.h, s.a, s.b, s.c, s.d, s.e, s.f, s.g, word<kExpand, 9>(w), k[9]);
  round(s.g, s.h, s.a, s.b, s.c, s.d, s.e, s.f, word<kExpand, 10>(w), k[10]);
  round(s.f, s.g, s.h, s.a, s.b, s.c, s.d, s.e, word<kExpand, 11>(w), k[11]);
  round(s.e, s.f, s.g, s.h, s.a, s.b, s.c, s.d, word<kExpand, 12>(w), k[12]);
  round(s.d, s.e, s.f, s.g, s.h, s.a, s.b, s.c, word<kExpand, 13>(w), k[13]);
  round(s.c, s.d, s.e, s.f, s.g, s.h, s.a, s.b, word<kExpand, 14>(w), k[14]);
  round(s.b, s.c, s.d, s.e, s.f, s.g, s.h, s.a, word<kExpand, 15>(w), k[15]);
}

// Within each quarter of four rows: column j of the quarter becomes row j.
ACCEL_AVX512_INLINE void transpose_quarters(V& r0, V& r1, V& r2, V& r3) {
  const V low01 = _mm512_unpacklo_epi32(r0, r1);
  const V high01 = _mm512_unpackhi_epi32(r0, r1);
  const V low23 = _mm512_unpacklo_epi32(r2, r3);
  const V high23 = _mm512_unpackhi_epi32(r2, r3);
  r0 = _mm512_unpacklo_epi64(low01, low23);
  r1 = _mm512_unpackhi_epi64(low01, low23);
  r2 = _mm512_unpacklo_epi64(high01, high23);
  r3 = _mm512_unpackhi_epi64(high01, high23);
}

// Quarter q of row p becomes quarter p of row q.
ACCEL_AVX512_INLINE void exchange_quarters(V& r0, V& r1, V& r2, V& r3) {
  const V even01 = _mm512_shuffle_i32x4(r0, r1, 0x88);
  const V odd01 = _mm512_shuffle_i32x4(r0, r1, 0xdd);
  const V even23 = _mm512_shuffle_i32x4(r2, r3, 0x88);
  const V odd23 = _mm512_shuffle_i32x4(r2, r3, 0xdd);
  r0 = _mm512_shuffle_i32x4(even01, even23, 0x88);
  r1 = _mm512_shuffle_i32x4(odd01, odd23, 0x88);
  r2 = _mm512_shuffle_i32x4(even01, even23, 0xdd);
  r3 = _mm512_shuffle_i32x4(odd01, odd23, 0xdd);
}

// 16 rows of 16 words: row i, column j becomes row j, column i.
ACCEL_AVX512_INLINE void transpose(V (&rows)[16]) {
  transpose_quarters(rows[0], rows[1], rows[2], rows[3]);
  transpose_quarters(rows[4], rows[5], rows[6], rows[7]);
  transpose_quarters(rows[8], rows[9], rows[10], rows[11]);
  transpose_quarters(rows[12], rows[13], rows[14], rows[15]);
  exchange_quarters(rows[0], rows[4], rows[8], rows[12]);
  exchange_quarters(rows[1], rows[5], rows[9], rows[13]);
  exchange_quarters(rows[2], rows[6], rows[10], rows[14]);
  exchange_quarters(rows[3], rows[7], rows[11], rows[15]);
}

// A row is one lane's whole block: each cache line is read once, however many lanes share a set.
// Lanes that lie 1 MiB apart are more streams than the CPU follows by itself, so the coming blocks
// are asked for here (a tenth faster); past the end of a message that does nothing.
ACCEL_AVX512_INLINE void load_blocks(V (&w)[16], const Sha256Lane* lanes, std::size_t offset) {
  const V swap = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 16; ++i) {
    _mm_prefetch(lanes[i].data + offset + kPrefetchBytes, _MM_HINT_T0);
    w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(lanes[i].data + offset), swap);
  }
  transpose(w);
}

ACCEL_AVX512_INLINE Variables load_states(const Sha256Lane* lanes) {
  V rows[16];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 16; ++i) {
    rows[i] = _mm512_maskz_loadu_epi32(0x00ff, lanes[i].state->data());
  }
  transpose(rows);
  return {rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]};
}

ACCEL_AVX512_INLINE void store_states(const Variables& s, const Sha256Lane* lanes) {
  const V none = _mm512_setzero_si512();
  V rows[16] = {s.a,  s.b,  s.c,  s.d,  s.e,  s.f,  s.g,  s.h,
                none, none, none, none, none, none, none, none};
  transpose(rows);
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 16; ++i) {
    _mm512_mask_storeu_epi32(lanes[i].state->data(), 0x00ff, rows[i]);
  }
}

}  // namespace

ACCEL_AVX512 void compress_avx512_x16(const Sha256Lane* lanes, std::size_t blocks) {
  Variables sum = load_states(lanes);
  for (std::size_t block = 0; block < blocks; ++block) {
    V w[16];
    load_blocks(w, lanes, block * kSha256BlockBytes);
    Variables s = sum;
    const std::uint32_t* k = kSha256Round.data();
    sixteen_rounds<false>(s, w, k);
    for (int part = 1; part < 4; ++part) sixteen_rounds<true>(s, w, k + 16 * part);
    sum = {add(sum.a, s.a), add(sum.b, s.b), add(sum.c, s.c), add(sum.d, s.d),
           add(sum.e, s.e), add(sum.f, s.f), add(sum.g, s.g), add(sum.h, s.h)};
  }
  store_states(sum, lanes);
}

}  // namespace accel::crypto::detail
#endif
