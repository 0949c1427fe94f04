// SPDX-License-Identifier: Apache-2.0
#pragma once
// Key agreement on Curve25519. Used by libp2p's Noise handshake. Safe from any thread; OpenSSL's
// EVP is inside, the private half is wiped. Spec: RFC 7748.

#include <array>
#include <cstdint>

#include "accel/core/bytes.hpp"
#include "accel/core/random.hpp"
#include "accel/crypto/secret.hpp"

namespace accel::crypto {

inline constexpr std::size_t kX25519Bytes = 32;
using X25519Public = std::array<std::uint8_t, kX25519Bytes>;

class X25519Key {
 public:
  static X25519Key generate(Random& random);
  static X25519Key from_private(const Secret32& secret);

  const X25519Public& public_key() const { return public_; }
  // Errors: invalid_argument (not 32 bytes, or a point of small order: the result would be zero).
  Result<Secret32> agree(ByteView peer) const;

 private:
  X25519Key() = default;
  Secret32 private_;
  X25519Public public_{};
};

}  // namespace accel::crypto
