// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/blake2b.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace accel::crypto {
namespace {

static_assert(std::endian::native == std::endian::little, "Words are read as they lie.");

constexpr std::size_t kBlockBytes = 128;
using Words = std::array<std::uint64_t, 8>;
using Message = std::array<std::uint64_t, 16>;

constexpr Words kStart = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                          0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                          0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

constexpr std::array<std::array<std::uint8_t, 16>, 10> kOrder = {{
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
}};
constexpr int kRounds = 12;

void mix(Message& v, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
  v[d] = std::rotr(v[d] ^ v[a], 32);
  v[c] += v[d];
  v[b] = std::rotr(v[b] ^ v[c], 24);
}

void mix_again(Message& v, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
  v[d] = std::rotr(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = std::rotr(v[b] ^ v[c], 63);
}

// Four columns, then four diagonals.
void round(Message& v, const Message& m, const std::array<std::uint8_t, 16>& order) {
  for (std::size_t i = 0; i < 8; ++i) {
    const std::size_t turn = i / 4;
    const std::size_t a = i % 4;
    const std::size_t b = 4 + (a + turn) % 4;
    const std::size_t c = 8 + (a + 2 * turn) % 4;
    const std::size_t d = 12 + (a + 3 * turn) % 4;
    v[a] += v[b] + m[order[2 * i]];
    mix(v, a, b, c, d);
    v[a] += v[b] + m[order[2 * i + 1]];
    mix_again(v, a, b, c, d);
  }
}

void compress(Words& state, const std::uint8_t* block, std::uint64_t bytes_so_far, bool last) {
  Message m;
  std::memcpy(m.data(), block, kBlockBytes);
  Message v;
  std::ranges::copy(state, v.begin());
  std::ranges::copy(kStart, v.begin() + 8);
  v[12] ^= bytes_so_far;
  if (last) v[14] = ~v[14];
  for (int i = 0; i < kRounds; ++i) round(v, m, kOrder[static_cast<std::size_t>(i) % 10]);
  for (std::size_t i = 0; i < 8; ++i) state[i] ^= v[i] ^ v[i + 8];
}

}  // namespace

Blake2b256Digest blake2b_256(ByteView bytes) {
  Words state = kStart;
  state[0] ^= 0x01010000U ^ kBlake2b256Bytes;  // No key, one leaf, so many bytes of digest.
  std::size_t done = 0;
  for (; bytes.size() - done > kBlockBytes; done += kBlockBytes) {
    compress(state, &bytes[done], done + kBlockBytes, false);
  }
  std::array<std::uint8_t, kBlockBytes> rest{};
  std::ranges::copy(bytes.subspan(done), rest.begin());
  compress(state, rest.data(), bytes.size(), true);
  Blake2b256Digest digest;
  std::memcpy(digest.data(), state.data(), digest.size());
  return digest;
}

}  // namespace accel::crypto
