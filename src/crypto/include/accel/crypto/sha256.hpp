// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA-256 (FIPS 180-4): what names and verifies every block. Used by ipld, blockstore, exchange,
// models and node. One-shot calls are safe from any thread; a streaming Sha256 belongs to one
// thread at a time. OpenSSL's EVP is inside (SHA-NI or AVX2 code where the CPU has it) and stays
// out of this header.

#include <array>
#include <cstdint>
#include <memory>

#include "accel/core/bytes.hpp"

namespace accel::crypto {

inline constexpr std::size_t kSha256Bytes = 32;
using Sha256Digest = std::array<std::uint8_t, kSha256Bytes>;

Sha256Digest sha256(ByteView bytes);

// A digest of bytes that arrive in pieces. Move-only; a moved-from object may only be assigned to
// or destroyed.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(ByteView bytes);
  // The digest of all updates so far; the object then starts again, empty.
  Sha256Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace accel::crypto
