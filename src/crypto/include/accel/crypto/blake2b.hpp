// SPDX-License-Identifier: Apache-2.0
#pragma once
// BLAKE2b with a digest of 32 bytes: blocks that name themselves by blake2b-256. Used by ipld.
// Pure; safe from any thread. Our own, for OpenSSL 3.0 knows only the digest of 64 bytes, which is
// another function. Spec: RFC 7693.

#include <array>
#include <cstdint>

#include "accel/core/bytes.hpp"

namespace accel::crypto {

inline constexpr std::size_t kBlake2b256Bytes = 32;
using Blake2b256Digest = std::array<std::uint8_t, kBlake2b256Bytes>;

Blake2b256Digest blake2b_256(ByteView bytes);

}  // namespace accel::crypto
