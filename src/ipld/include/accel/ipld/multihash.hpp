// SPDX-License-Identifier: Apache-2.0
#pragma once
// A digest that names its hash function: uvarint(code) uvarint(length) digest.
// A value type: 32 bytes of digest lie inside, longer ones are shared and immutable. Used by Cid
// and by peer ids. Spec: multiformats/multihash; identity digests are limited as IPIP-512 says.

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"

namespace accel::ipld {

// Codes of the multicodec table; others are carried along but cannot be verified here.
enum class HashCode : std::uint64_t {
  identity = 0x00,
  sha2_256 = 0x12,
  sha2_512 = 0x13,
  blake3 = 0x1e,
  blake2b_256 = 0xb220,
};

// "sha2-256" as the multicodec table says; "0x…" for one that is not known here.
std::string hash_name(HashCode code);
// The inverse. Errors: invalid_argument (a name that is not in HashCode).
Result<HashCode> hash_by_name(std::string_view name);

inline constexpr std::size_t kMaxDigestBytes = 128;
// Digests may be cut short; below this they are too easy to forge (Kubo's rule). Not for identity.
inline constexpr std::size_t kMinDigestBytes = 20;

class Multihash {
 public:
  // The identity hash of no bytes.
  Multihash() = default;

  // Errors: invalid_argument (a digest above kMaxDigestBytes, or a length that the function cannot
  // have).
  static Result<Multihash> wrap(HashCode code, ByteView digest);
  // The whole of `bytes` must be one multihash. Errors: invalid_argument.
  static Result<Multihash> from_bytes(ByteView bytes);

  HashCode code() const { return code_; }
  ByteView digest() const;  // Borrows from this object.
  Bytes bytes() const;
  std::size_t size_bytes() const;  // bytes().size() without making them.
  void append_to(Bytes& out) const;

  friend bool operator==(const Multihash& left, const Multihash& right);
  // By code, then by digest: an order for maps, nothing more.
  friend std::strong_ordering operator<=>(const Multihash& left, const Multihash& right);

 private:
  static constexpr std::size_t kInlineBytes = 32;
  HashCode code_ = HashCode::identity;
  std::uint8_t size_ = 0;
  std::array<std::uint8_t, kInlineBytes> inline_{};
  std::shared_ptr<const Bytes>
      long_;  // Set when size_ > kInlineBytes; shared by copies, never changed.
};

Multihash sha2_256(ByteView data);
Multihash sha2_512(ByteView data);
// For a digest that somebody has computed already (streaming, several lanes).
Multihash sha2_256_of(const std::array<std::uint8_t, 32>& digest);

// Of the usual length. Errors: unsupported (a hash function that this build does not compute),
// invalid_argument (too many bytes for identity).
Result<Multihash> hash_with(HashCode code, ByteView data);

// Whether `data` has this hash. Errors: unsupported (a hash function that this build does not
// compute).
Result<bool> verify(const Multihash& hash, ByteView data);

}  // namespace accel::ipld
