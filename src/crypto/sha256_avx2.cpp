// SPDX-License-Identifier: Apache-2.0
// SHA-256 of 8 messages side by side: word i of a vector belongs to message i. For CPUs without the
// SHA instructions and without AVX-512.
#include "sha256_kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#define ACCEL_AVX2 __attribute__((target("avx2")))
#define ACCEL_AVX2_INLINE ACCEL_AVX2 __attribute__((always_inline)) inline

namespace accel::crypto::detail {
namespace {

constexpr std::size_t kPrefetchBytes = 512;

using V = __m256i;

struct Variables {
  V a, b, c, d, e, f, g, h;
};

ACCEL_AVX2_INLINE V add(V x, V y) { return _mm256_add_epi32(x, y); }
ACCEL_AVX2_INLINE V broadcast(std::uint32_t x) { return _mm256_set1_epi32(static_cast<int>(x)); }
ACCEL_AVX2_INLINE V xor3(V x, V y, V z) { return _mm256_xor_si256(_mm256_xor_si256(x, y), z); }
ACCEL_AVX2_INLINE V rotate(V x, int right) {
  return _mm256_or_si256(_mm256_srli_epi32(x, right), _mm256_slli_epi32(x, 32 - right));
}
ACCEL_AVX2_INLINE V choice(V e, V f, V g) {
  return _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)));
}
// b^c is a^b of the round before: the compiler keeps it.
ACCEL_AVX2_INLINE V majority(V a, V b, V c) {
  return _mm256_xor_si256(b, _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(b, c)));
}
ACCEL_AVX2_INLINE V sum0(V x) { return xor3(rotate(x, 2), rotate(x, 13), rotate(x, 22)); }
ACCEL_AVX2_INLINE V sum1(V x) { return xor3(rotate(x, 6), rotate(x, 11), rotate(x, 25)); }
ACCEL_AVX2_INLINE V sigma0(V x) {
  return xor3(rotate(x, 7), rotate(x, 18), _mm256_srli_epi32(x, 3));
}
ACCEL_AVX2_INLINE V sigma1(V x) {
  return xor3(rotate(x, 17), rotate(x, 19), _mm256_srli_epi32(x, 10));
}

ACCEL_AVX2_INLINE V hold(V x) {
  asm("" : "+x"(x));
  return x;
}

// One round of FIPS 180-4, section 6.2.2. Instead of moving eight variables along, the next round
// names them one place further: here d becomes the new e, and h the new a.
ACCEL_AVX2_INLINE void round(const V& a, const V& b, const V& c, V& d, const V& e, const V& f,
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
ACCEL_AVX2_INLINE V word(V (&w)[16]) {
  if constexpr (kExpand) {
    const V older = add(w[kAt], sigma0(w[(kAt + 1) % 16]));
    w[kAt] = add(older, add(w[(kAt + 9) % 16], sigma1(w[(kAt + 14) % 16])));
  }
  return w[kAt];
}

template <bool kExpand>
ACCEL_AVX2_INLINE void sixteen_rounds(Variables& s, V (&w)[16], const std::uint32_t* k) {
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

// Within each half of four rows: column j of the half becomes row j.
ACCEL_AVX2_INLINE void transpose_halves(V& r0, V& r1, V& r2, V& r3) {
  const V low01 = _mm256_unpacklo_epi32(r0, r1);
  const V high01 = _mm256_unpackhi_epi32(r0, r1);
  const V low23 = _mm256_unpacklo_epi32(r2, r3);
  const V high23 = _mm256_unpackhi_epi32(r2, r3);
  r0 = _mm256_unpacklo_epi64(low01, low23);
  r1 = _mm256_unpackhi_epi64(low01, low23);
  r2 = _mm256_unpacklo_epi64(high01, high23);
  r3 = _mm256_unpackhi_epi64(high01, high23);
}

// Half q of row p becomes half p of row q.
ACCEL_AVX2_INLINE void exchange_halves(V& r0, V& r1) {
  const V low = _mm256_permute2x128_si256(r0, r1, 0x20);
  r1 = _mm256_permute2x128_si256(r0, r1, 0x31);
  r0 = low;
}

// 8 rows of 8 words: row i, column j becomes row j, column i.
ACCEL_AVX2_INLINE void transpose(V* rows) {
  transpose_halves(rows[0], rows[1], rows[2], rows[3]);
  transpose_halves(rows[4], rows[5], rows[6], rows[7]);
  exchange_halves(rows[0], rows[4]);
  exchange_halves(rows[1], rows[5]);
  exchange_halves(rows[2], rows[6]);
  exchange_halves(rows[3], rows[7]);
}

ACCEL_AVX2_INLINE V load_row(const void* bytes) {
  return _mm256_loadu_si256(static_cast<const __m256i_u*>(bytes));
}

// Words 0 to 7 and 8 to 15 of each lane's block. The coming blocks are asked for, as in AVX-512.
ACCEL_AVX2_INLINE void load_blocks(V (&w)[16], const Sha256Lane* lanes, std::size_t offset) {
  const V swap = _mm256_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203, 0x0c0d0e0f08090a0b,
                                   0x0405060700010203);
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) {
    _mm_prefetch(lanes[i].data + offset + kPrefetchBytes, _MM_HINT_T0);
    w[i] = _mm256_shuffle_epi8(load_row(lanes[i].data + offset), swap);
    w[8 + i] = _mm256_shuffle_epi8(load_row(lanes[i].data + offset + 32), swap);
  }
  transpose(w);
  transpose(w + 8);
}

ACCEL_AVX2_INLINE Variables load_states(const Sha256Lane* lanes) {
  V rows[8];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) rows[i] = load_row(lanes[i].state->data());
  transpose(rows);
  return {rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]};
}

ACCEL_AVX2_INLINE void store_states(const Variables& s, const Sha256Lane* lanes) {
  V rows[8] = {s.a, s.b, s.c, s.d, s.e, s.f, s.g, s.h};
  transpose(rows);
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) {
    _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(lanes[i].state->data()), rows[i]);
  }
}

}  // namespace

ACCEL_AVX2 void compress_avx2_x8(const Sha256Lane* lanes, std::size_t blocks) {
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
