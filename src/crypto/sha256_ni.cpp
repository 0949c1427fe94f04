// SPDX-License-Identifier: Apache-2.0
// The SHA instructions of x86. One message leaves the unit idle while it waits for its own last
// result (sha256rnds2 takes four cycles, and the next may start after two), so other messages run
// in the gaps. Two would fill them if nothing else competed for issue; four come nearer to it,
// although their variables no longer fit into 16 registers.
#include "sha256_kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#define ACCEL_SHA_NI __attribute__((target("sha,sse4.1,ssse3")))
#define ACCEL_SHA_NI_INLINE ACCEL_SHA_NI __attribute__((always_inline)) inline

// Without it a loop over four streams stays a loop, with their variables in memory: a third slower.
#define ACCEL_EACH_STREAM _Pragma("GCC unroll 4")

namespace accel::crypto::detail {
namespace {

// One message: the working variables in the order of sha256rnds2 (highest word first: a, b, e, f
// and c, d, g, h), and the last 16 words of the message schedule.
struct Stream {
  __m128i abef, cdgh;
  __m128i abef_before, cdgh_before;
  __m128i w0, w1, w2, w3;
};

ACCEL_SHA_NI_INLINE __m128i load_words(const std::uint8_t* bytes) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i_u*>(bytes)), swap);
}

ACCEL_SHA_NI_INLINE void load_block(Stream& s, const std::uint8_t* block) {
  s.w0 = load_words(block);
  s.w1 = load_words(block + 16);
  s.w2 = load_words(block + 32);
  s.w3 = load_words(block + 48);
}

ACCEL_SHA_NI_INLINE void four_rounds(Stream& s, __m128i words, const std::uint32_t* round) {
  const __m128i sum = _mm_add_epi32(words, _mm_load_si128(reinterpret_cast<const __m128i*>(round)));
  s.cdgh = _mm_sha256rnds2_epu32(s.cdgh, s.abef, sum);
  s.abef = _mm_sha256rnds2_epu32(s.abef, s.cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

// Replaces the oldest four of 16 schedule words by the four that follow the newest.
ACCEL_SHA_NI_INLINE void expand(__m128i& oldest, __m128i second, __m128i third, __m128i newest) {
  const __m128i sum =
      _mm_add_epi32(_mm_sha256msg1_epu32(oldest, second), _mm_alignr_epi8(newest, third, 4));
  oldest = _mm_sha256msg2_epu32(sum, newest);
}

ACCEL_SHA_NI_INLINE void load_state(Stream& s, const Sha256State& state) {
  const auto* words = reinterpret_cast<const __m128i_u*>(state.data());
  const __m128i dcba = _mm_loadu_si128(words);
  const __m128i hgfe = _mm_loadu_si128(words + 1);
  const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  s.abef = _mm_alignr_epi8(cdab, efgh, 8);
  s.cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

ACCEL_SHA_NI_INLINE void store_state(const Stream& s, Sha256State& state) {
  const __m128i feba = _mm_shuffle_epi32(s.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);
  auto* words = reinterpret_cast<__m128i_u*>(state.data());
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

// Four rounds, and four words of the schedule, of every stream, turn by turn so that they overlap.
template <std::size_t Streams>
ACCEL_SHA_NI_INLINE void four_rounds_each(Stream (&streams)[Streams], __m128i Stream::* words,
                                          const std::uint32_t* round) {
  ACCEL_EACH_STREAM
  for (Stream& s : streams) four_rounds(s, s.*words, round);
}

template <std::size_t Streams>
ACCEL_SHA_NI_INLINE void expand_each(Stream (&streams)[Streams], __m128i Stream::* oldest,
                                     __m128i Stream::* second, __m128i Stream::* third,
                                     __m128i Stream::* newest) {
  ACCEL_EACH_STREAM
  for (Stream& s : streams) expand(s.*oldest, s.*second, s.*third, s.*newest);
}

template <std::size_t Streams>
ACCEL_SHA_NI_INLINE void compress_block(Stream (&streams)[Streams]) {
  constexpr auto w0 = &Stream::w0;
  constexpr auto w1 = &Stream::w1;
  constexpr auto w2 = &Stream::w2;
  constexpr auto w3 = &Stream::w3;
  const std::uint32_t* round = kSha256Round.data();
  four_rounds_each(streams, w0, round);
  four_rounds_each(streams, w1, round + 4);
  four_rounds_each(streams, w2, round + 8);
  four_rounds_each(streams, w3, round + 12);
  for (int part = 1; part < 4; ++part) {
    round += 16;
    expand_each(streams, w0, w1, w2, w3);
    four_rounds_each(streams, w0, round);
    expand_each(streams, w1, w2, w3, w0);
    four_rounds_each(streams, w1, round + 4);
    expand_each(streams, w2, w3, w0, w1);
    four_rounds_each(streams, w2, round + 8);
    expand_each(streams, w3, w0, w1, w2);
    four_rounds_each(streams, w3, round + 12);
  }
}

template <std::size_t Streams>
ACCEL_SHA_NI_INLINE void compress(const Sha256Lane* lanes, std::size_t blocks) {
  Stream streams[Streams];
  ACCEL_EACH_STREAM
  for (std::size_t i = 0; i < Streams; ++i) load_state(streams[i], *lanes[i].state);
  for (std::size_t block = 0; block < blocks; ++block) {
    ACCEL_EACH_STREAM
    for (std::size_t i = 0; i < Streams; ++i) {
      load_block(streams[i], lanes[i].data + block * kSha256BlockBytes);
    }
    ACCEL_EACH_STREAM
    for (Stream& s : streams) {
      s.abef_before = s.abef;
      s.cdgh_before = s.cdgh;
    }
    compress_block(streams);
    ACCEL_EACH_STREAM
    for (Stream& s : streams) {
      s.abef = _mm_add_epi32(s.abef, s.abef_before);
      s.cdgh = _mm_add_epi32(s.cdgh, s.cdgh_before);
    }
  }
  ACCEL_EACH_STREAM
  for (std::size_t i = 0; i < Streams; ++i) store_state(streams[i], *lanes[i].state);
}

}  // namespace

ACCEL_SHA_NI void compress_sha_ni(const Sha256Lane* lanes, std::size_t blocks) {
  compress<1>(lanes, blocks);
}

ACCEL_SHA_NI void compress_sha_ni_x2(const Sha256Lane* lanes, std::size_t blocks) {
  compress<2>(lanes, blocks);
}

ACCEL_SHA_NI void compress_sha_ni_x4(const Sha256Lane* lanes, std::size_t blocks) {
  compress<4>(lanes, blocks);
}

}  // namespace accel::crypto::detail
#endif
