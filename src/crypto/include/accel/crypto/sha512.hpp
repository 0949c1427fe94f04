// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA-512 (FIPS 180-4): blocks that name themselves by sha2-512. Used by ipld.
// One-shot calls are safe from any thread; a streaming Sha512 belongs to one thread at a time.
// OpenSSL's EVP is inside and stays out of this header.

#include <array>
#include <cstdint>
#include <memory>

#include "accel/core/bytes.hpp"

namespace accel::crypto {

inline constexpr std::size_t kSha512Bytes = 64;
using Sha512Digest = std::array<std::uint8_t, kSha512Bytes>;

Sha512Digest sha512(ByteView bytes);

// A digest of bytes that arrive in pieces. Move-only; a moved-from object may only be assigned to
// or destroyed.
class Sha512 {
 public:
  Sha512();
  Sha512(Sha512&&) noexcept;
  Sha512& operator=(Sha512&&) noexcept;
  ~Sha512();

  void update(ByteView bytes);
  // The digest of all updates so far; the object then starts again, empty.
  Sha512Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace accel::crypto
