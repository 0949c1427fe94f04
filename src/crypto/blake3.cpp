// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/blake3.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace accel::crypto {
namespace {

static_assert(std::endian::native == std::endian::little, "Words are read as they lie.");

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kChunkBytes = 1024;
constexpr std::size_t kMaxDepth = 54;  // Of a tree of chunks over 2^64 bytes.
constexpr int kRounds = 7;

enum Flag : std::uint32_t { kChunkStart = 1, kChunkEnd = 2, kParent = 4, kRoot = 8 };

using Words = std::array<std::uint32_t, 8>;
using Block = std::array<std::uint32_t, 16>;

constexpr Words kStart = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constexpr std::array<std::uint8_t, 16> kPermutation = {2, 6,  3,  10, 7, 0,  4,  13,
                                                       1, 11, 12, 5,  9, 14, 15, 8};

// What one compression takes; the last one of all is repeated for each 64 bytes of digest.
struct Input {
  Words chain = kStart;
  Block block{};
  std::uint64_t counter = 0;
  std::uint32_t block_bytes = kBlockBytes;
  std::uint32_t flags = 0;
};

void mix(Block& v, std::size_t column, std::size_t turn, std::uint32_t x, std::uint32_t y) {
  const std::size_t a = column;
  const std::size_t b = 4 + (column + turn) % 4;
  const std::size_t c = 8 + (column + 2 * turn) % 4;
  const std::size_t d = 12 + (column + 3 * turn) % 4;
  v[a] += v[b] + x;
  v[d] = std::rotr(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = std::rotr(v[b] ^ v[c], 12);
  v[a] += v[b] + y;
  v[d] = std::rotr(v[d] ^ v[a], 8);
  v[c] += v[d];
  v[b] = std::rotr(v[b] ^ v[c], 7);
}

Block compress(const Input& input) {
  Block m = input.block;
  Block v;
  std::ranges::copy(input.chain, v.begin());
  std::copy_n(kStart.begin(), 4, v.begin() + 8);
  v[12] = static_cast<std::uint32_t>(input.counter);
  v[13] = static_cast<std::uint32_t>(input.counter >> 32U);
  v[14] = input.block_bytes;
  v[15] = input.flags;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < 8; ++i) mix(v, i % 4, i / 4, m[2 * i], m[2 * i + 1]);
    Block next;
    for (std::size_t i = 0; i < 16; ++i) next[i] = m[kPermutation[i]];
    m = next;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    v[i] ^= v[i + 8];
    v[i + 8] ^= input.chain[i];
  }
  return v;
}

Words chain_of(const Input& input) {
  const Block out = compress(input);
  Words chain;
  std::copy_n(out.begin(), 8, chain.begin());
  return chain;
}

// The last compression of a chunk of at most kChunkBytes; not yet done, for it may be the root.
Input end_of_chunk(ByteView chunk, std::uint64_t index) {
  Input input;
  input.counter = index;
  input.flags = kChunkStart;
  for (; chunk.size() > kBlockBytes; chunk = chunk.subspan(kBlockBytes)) {
    std::memcpy(input.block.data(), chunk.data(), kBlockBytes);
    input.chain = chain_of(input);
    input.flags = 0;
  }
  input.block = {};
  if (!chunk.empty()) std::memcpy(input.block.data(), chunk.data(), chunk.size());
  input.block_bytes = static_cast<std::uint32_t>(chunk.size());
  input.flags |= kChunkEnd;
  return input;
}

Input parent_of(const Words& left, const Words& right) {
  Input input;
  std::ranges::copy(left, input.block.begin());
  std::ranges::copy(right, input.block.begin() + 8);
  input.flags = kParent;
  return input;
}

// The last compression of the whole tree: whole subtrees wait on a stack, as bits of a counter.
Input end_of_tree(ByteView bytes) {
  std::array<Words, kMaxDepth> waiting;
  std::size_t depth = 0;
  std::uint64_t chunks = 0;
  for (; bytes.size() > kChunkBytes; bytes = bytes.subspan(kChunkBytes)) {
    Words chain = chain_of(end_of_chunk(bytes.first(kChunkBytes), chunks));
    ++chunks;
    for (std::uint64_t whole = chunks; whole % 2 == 0; whole /= 2) {
      chain = chain_of(parent_of(waiting[--depth], chain));
    }
    waiting[depth++] = chain;
  }
  Input end = end_of_chunk(bytes, chunks);
  while (depth > 0) end = parent_of(waiting[--depth], chain_of(end));
  return end;
}

}  // namespace

void blake3(ByteView bytes, std::span<std::uint8_t> digest) {
  Input root = end_of_tree(bytes);
  root.flags |= kRoot;
  root.counter = 0;
  while (!digest.empty()) {
    const Block out = compress(root);
    const std::size_t count = std::min(digest.size(), sizeof out);
    std::memcpy(digest.data(), out.data(), count);
    digest = digest.subspan(count);
    ++root.counter;
  }
}

}  // namespace accel::crypto
