// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/hkdf.hpp"

#include <algorithm>
#include <array>

#include "accel/crypto/sha256.hpp"

namespace accel::crypto {
namespace {

constexpr std::size_t kHashBlockBytes = 64;

Secret32 keyed_hash(std::span<const std::uint8_t, kHashBlockBytes> key, std::uint8_t mask,
                    ByteView first, ByteView second) {
  Secret<kHashBlockBytes> masked(key);
  for (std::uint8_t& byte : masked.writable()) byte ^= mask;
  Sha256 hash;
  hash.update(masked.view());
  hash.update(first);
  hash.update(second);
  Sha256Digest digest = hash.finish();
  const Secret32 result{std::span<const std::uint8_t, kSha256Bytes>(digest)};
  wipe(digest);
  return result;
}

Secret32 hmac_of_two(ByteView key, ByteView first, ByteView second) {
  constexpr std::uint8_t kInner = 0x36;  // RFC 2104 section 2.
  constexpr std::uint8_t kOuter = 0x5c;
  Secret<kHashBlockBytes> block;
  if (key.size() > kHashBlockBytes) {
    const Sha256Digest digest = sha256(key);
    std::ranges::copy(digest, block.writable().begin());
  } else {
    std::ranges::copy(key, block.writable().begin());
  }
  const Secret32 inner = keyed_hash(block.writable(), kInner, first, second);
  return keyed_hash(block.writable(), kOuter, inner.view(), {});
}

}  // namespace

Secret32 hmac_sha256(ByteView key, ByteView message) { return hmac_of_two(key, message, {}); }

void hkdf_sha256(ByteView salt, ByteView input, ByteView info, std::span<std::uint8_t> out) {
  const Secret32 extracted = hmac_sha256(salt, input);
  Secret32 block;
  std::size_t block_size = 0;  // T(0) is empty.
  std::uint8_t counter = 1;
  for (std::size_t at = 0; at < out.size(); ++counter) {
    Bytes tail(info.begin(), info.end());
    tail.push_back(counter);
    block = hmac_of_two(extracted.view(), block.view().first(block_size), tail);
    block_size = kSha256Bytes;
    const std::size_t part = std::min(kSha256Bytes, out.size() - at);
    std::copy_n(block.view().begin(), part, out.begin() + static_cast<std::ptrdiff_t>(at));
    at += part;
  }
}

}  // namespace accel::crypto
