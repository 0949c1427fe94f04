// SPDX-License-Identifier: Apache-2.0
#pragma once
// The XSalsa20 stream cipher: hides bytes, and proves nothing about them. Used by libp2p's private
// swarms beneath Noise and TLS. libsodium is inside; the key is wiped. Spec: cr.yp.to/snuffle.html
// ("Extending the Salsa20 nonce").

#include <array>
#include <cstdint>

#include "accel/core/bytes.hpp"
#include "accel/crypto/secret.hpp"

namespace accel::crypto {

inline constexpr std::size_t kXSalsa20NonceBytes = 24;
using XSalsa20Nonce = std::array<std::uint8_t, kXSalsa20NonceBytes>;

// One direction of a connection; the same operation encrypts and decrypts.
class XSalsa20 {
 public:
  XSalsa20(const Secret32& key, const XSalsa20Nonce& nonce) : key_(key), nonce_(nonce) {}
  // In place; goes on where the last call ended.
  void apply(std::span<std::uint8_t> bytes);

 private:
  static constexpr std::size_t kBlockBytes = 64;

  Secret32 key_;
  XSalsa20Nonce nonce_;
  std::uint64_t next_block_ = 0;
  Secret<kBlockBytes> block_;  // The key stream of the block before it.
  std::size_t used_ = kBlockBytes;
};

}  // namespace accel::crypto
