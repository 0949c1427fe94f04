// SPDX-License-Identifier: Apache-2.0
// MurmurHash3_x64_128 with seed 0, of which the first half is used. Constants and steps are those
// of its author's description (Austin Appleby, public domain, SMHasher).
#include <algorithm>
#include <bit>
#include <cstddef>

#include "accel/ipld/hamt.hpp"

namespace accel::ipld {
namespace {

constexpr std::uint64_t kC1 = 0x87c37b91114253d5;
constexpr std::uint64_t kC2 = 0x4cf5ad432745937f;
constexpr std::size_t kStripe = 16;

// Up to eight bytes as a little-endian number; absent ones are zero.
std::uint64_t load(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = std::min<std::size_t>(bytes.size(), 8); i-- > 0;) {
    value = value << 8U | bytes[i];
  }
  return value;
}

std::uint64_t mix_first(std::uint64_t k) { return std::rotl(k * kC1, 31) * kC2; }
std::uint64_t mix_second(std::uint64_t k) { return std::rotl(k * kC2, 33) * kC1; }

std::uint64_t finish(std::uint64_t k) {
  k = (k ^ k >> 33U) * 0xff51afd7ed558ccd;
  k = (k ^ k >> 33U) * 0xc4ceb9fe1a85ec53;
  return k ^ k >> 33U;
}

}  // namespace

std::uint64_t murmur3_x64_64(ByteView data) {
  const std::uint64_t length = data.size();
  std::uint64_t h1 = 0;
  std::uint64_t h2 = 0;
  for (; data.size() >= kStripe; data = data.subspan(kStripe)) {
    h1 ^= mix_first(load(data));
    h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= mix_second(load(data.subspan(8)));
    h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  // An absent half mixes to zero, as the reference's fall-through leaves it.
  h2 ^= mix_second(load(data.subspan(std::min<std::size_t>(data.size(), 8))));
  h1 ^= mix_first(load(data));
  h1 ^= length;
  h2 ^= length;
  h1 += h2;
  h2 += h1;
  return finish(h1) + finish(h2);
}

}  // namespace accel::ipld
