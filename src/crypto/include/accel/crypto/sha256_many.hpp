// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA-256 (FIPS 180-4) of many messages at once, side by side in one core: fixed-size leaves of a
// file are independent, so 16 of them fit into the lanes of one AVX-512 register, or four into the
// gaps of the SHA instructions. Used where leaves are made or verified (import, scrub).
// Safe from any thread; nothing is kept between calls. It hashes on the calling thread: run it on
// an OffloadPool.

#include <cstddef>
#include <span>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"
#include "accel/crypto/sha256.hpp"

namespace accel::crypto {

// Writes the digest of messages[i] to out[i]; `out` has at least as many places as there are
// messages. Lengths may differ (the longest messages start first, and a lane that ends takes the
// next message); the bytes need no alignment. What this CPU does fastest for the messages that are
// left is chosen anew whenever a message ends; README.md has the order and the figures behind it.
void sha256_many(std::span<const ByteView> messages, std::span<Sha256Digest> out);

// How many messages of equal length fill the widest lanes that sha256_many() uses on this CPU (1,
// 4, 8 or 16): callers that can wait collect a multiple of it.
std::size_t sha256_many_width();

// Below here: for tests and benchmarks, which name an implementation.

enum class Sha256Lanes {
  openssl,     // EVP, one message after another: what sha256() does.
  portable,    // C++ alone; the reference that needs no instruction set.
  avx2_x8,     // 8 lanes of 32 bits.
  sha_ni,      // The SHA instructions, one message.
  sha_ni_x2,   // The same, two messages interleaved.
  sha_ni_x4,   // Four.
  avx512_x16,  // 16 lanes of 32 bits.
};

struct Sha256LanesInfo {
  Sha256Lanes id = Sha256Lanes::openssl;
  std::string_view name;   // As in the enum.
  std::size_t lanes = 1;   // Messages side by side.
  std::string_view needs;  // What the CPU must have, for people; empty for nothing.
  bool available = false;  // This build contains it and this CPU (and its system) runs it.
};

// Every implementation there is, in the order of the enum; lives as long as the program.
std::span<const Sha256LanesInfo> sha256_lanes();

// sha256_many() by one implementation alone, also where it has fewer messages than lanes.
// Errors: unsupported (the message says what the CPU lacks).
Status sha256_many_with(Sha256Lanes implementation, std::span<const ByteView> messages,
                        std::span<Sha256Digest> out);

}  // namespace accel::crypto
