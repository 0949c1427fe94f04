// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names of peers: the hash of a public key, or the key itself when it is short. Used by multiaddrs,
// libp2p and what stands on it. Plain values, safe to share. Spec: libp2p/specs
// peer-ids/peer-ids.md.

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/crypto/public_key.hpp"
#include "accel/ipld/multihash.hpp"

namespace accel::ipld {

// A public key as libp2p sends it: a protobuf of its type and its bytes.
struct PublicKey {
  crypto::KeyType type = crypto::KeyType::ed25519;
  Bytes data;  // As crypto::verify_signature() takes it.

  bool operator==(const PublicKey&) const = default;
};

// The one encoding that peer ids hash: Type (1), then Data (2).
Bytes encode_public_key(const PublicKey& key);
// Errors: corrupt (no such message), unsupported (a type that nobody knows).
Result<PublicKey> decode_public_key(ByteView protobuf);

class PeerId {
 public:
  // Reads 12D3Koo… and Qm… (base58btc), and a CIDv1 of libp2p-key in any base. Errors:
  // invalid_argument.
  static Result<PeerId> parse(std::string_view text);
  // The whole of `multihash` must be one: identity of a key, or sha2-256. Errors: invalid_argument.
  static Result<PeerId> from_bytes(ByteView multihash);
  // Keys of up to 42 bytes stand in the id itself, longer ones are hashed with sha2-256.
  static PeerId of_public_key(ByteView protobuf);

  const Multihash& hash() const { return hash_; }
  Bytes bytes() const { return hash_.bytes(); }
  std::string to_string() const;  // base58btc of the multihash.
  // The protobuf of the key when the id holds it whole; else empty.
  ByteView inline_key() const;  // Borrows from this object.

  friend bool operator==(const PeerId&, const PeerId&) = default;
  friend std::strong_ordering operator<=>(const PeerId&, const PeerId&) = default;

 private:
  explicit PeerId(Multihash hash) : hash_(std::move(hash)) {}
  Multihash hash_;
};

}  // namespace accel::ipld

template <>
struct std::hash<accel::ipld::PeerId> {
  std::size_t operator()(const accel::ipld::PeerId& peer) const noexcept;
};

template <>
struct fmt::formatter<accel::ipld::PeerId> : fmt::formatter<std::string> {
  auto format(const accel::ipld::PeerId& peer, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(peer.to_string(), context);
  }
};
