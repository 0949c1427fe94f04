// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keyed hashes and keys from keys, over SHA-256. Used by libp2p's Noise handshake. Pure. Specs: RFC
// 2104 (HMAC), RFC 5869 (HKDF).

#include <cstdint>
#include <span>

#include "accel/core/bytes.hpp"
#include "accel/crypto/secret.hpp"

namespace accel::crypto {

inline constexpr std::size_t kMaxHkdfBytes = 255 * 32;

Secret32 hmac_sha256(ByteView key, ByteView message);
// Fills out, at most kMaxHkdfBytes, with HKDF-Expand(HKDF-Extract(salt, input), info).
void hkdf_sha256(ByteView salt, ByteView input, ByteView info, std::span<std::uint8_t> out);

}  // namespace accel::crypto
