// SPDX-License-Identifier: Apache-2.0
#pragma once
// Details that the Noise handshake and its frames share. Private to libp2p.

#include <cstdint>

#include "accel/crypto/chacha20_poly1305.hpp"

namespace accel::libp2p {

inline constexpr std::size_t kNoiseLengthBytes = 2;
inline constexpr std::uint64_t kNoiseLastNonce = ~std::uint64_t{0};  // Reserved, section 5.1.

inline void put_noise_length(std::uint8_t* out, std::size_t length) {
  out[0] = static_cast<std::uint8_t>(length >> 8U);
  out[1] = static_cast<std::uint8_t>(length & 0xffU);
}

inline std::size_t noise_length(const std::uint8_t* in) {
  return (std::size_t{in[0]} << 8U) | in[1];
}

// Four zero bytes and the counter, little-endian (section 12.3).
inline crypto::ChaChaNonce noise_nonce(std::uint64_t counter) {
  crypto::ChaChaNonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) {
    nonce[4 + i] = static_cast<std::uint8_t>(counter >> (8 * i));
  }
  return nonce;
}

}  // namespace accel::libp2p
