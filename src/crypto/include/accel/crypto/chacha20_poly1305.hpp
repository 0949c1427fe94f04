// SPDX-License-Identifier: Apache-2.0
#pragma once
// Authenticated encryption with one key and nonces that the caller counts. Used by libp2p's Noise
// channel. One object belongs to one thread at a time; OpenSSL's EVP is inside, the key is wiped.
// Spec: RFC 8439 (ChaCha20-Poly1305).

#include <array>
#include <cstdint>
#include <memory>

#include "accel/core/bytes.hpp"
#include "accel/crypto/secret.hpp"

namespace accel::crypto {

inline constexpr std::size_t kPoly1305TagBytes = 16;
using ChaChaNonce = std::array<std::uint8_t, 12>;

class ChaCha20Poly1305 {
 public:
  explicit ChaCha20Poly1305(const Secret32& key);
  ChaCha20Poly1305(ChaCha20Poly1305&&) noexcept;
  ChaCha20Poly1305& operator=(ChaCha20Poly1305&&) noexcept;
  ~ChaCha20Poly1305();

  // Writes the ciphertext and its tag (plain.size() + 16 bytes) to out, which may begin where
  // plain does and must not overlap it otherwise.
  void seal(const ChaChaNonce& nonce, ByteView associated, ByteView plain, std::uint8_t* out);
  // Writes sealed.size() - 16 bytes to out, which may begin where sealed does. False: not what
  // was sealed with this key, nonce and associated data; out holds nothing of use then.
  [[nodiscard]] bool open(const ChaChaNonce& nonce, ByteView associated, ByteView sealed,
                          std::uint8_t* out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace accel::crypto
