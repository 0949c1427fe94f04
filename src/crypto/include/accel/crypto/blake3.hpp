// SPDX-License-Identifier: Apache-2.0
#pragma once
// BLAKE3 without a key: blocks that name themselves by blake3. Used by ipld. Pure; safe from any
// thread. Our own, one lane, for Debian 12 has no library of it. Spec: the BLAKE3 paper,
// "Specifications" (chunks of 1 KiB under a binary tree; output of any length).

#include <cstdint>
#include <span>

#include "accel/core/bytes.hpp"

namespace accel::crypto {

inline constexpr std::size_t kBlake3Bytes = 32;  // The usual digest; longer ones begin with it.

// Fills `digest`, whatever its length.
void blake3(ByteView bytes, std::span<std::uint8_t> digest);

}  // namespace accel::crypto
