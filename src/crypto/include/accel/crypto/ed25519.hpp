// SPDX-License-Identifier: Apache-2.0
#pragma once
// The signing key of a peer. Used by ipld, libp2p and node. Safe from any thread; OpenSSL's EVP is
// inside, the seed is wiped. Spec: RFC 8032 (Ed25519).

#include <array>
#include <cstdint>

#include "accel/core/bytes.hpp"
#include "accel/core/random.hpp"
#include "accel/crypto/secret.hpp"

namespace accel::crypto {

inline constexpr std::size_t kEd25519SeedBytes = 32;
inline constexpr std::size_t kEd25519PublicBytes = 32;
inline constexpr std::size_t kEd25519SignatureBytes = 64;
using Ed25519Public = std::array<std::uint8_t, kEd25519PublicBytes>;
using Ed25519Signature = std::array<std::uint8_t, kEd25519SignatureBytes>;

class Ed25519Key {
 public:
  static Ed25519Key generate(Random& random);
  static Ed25519Key from_seed(const Secret32& seed);

  const Ed25519Public& public_key() const { return public_; }
  const Secret32& seed() const { return seed_; }
  Ed25519Signature sign(ByteView message) const;

 private:
  Ed25519Key() = default;
  Secret32 seed_;
  Ed25519Public public_{};
};

}  // namespace accel::crypto
