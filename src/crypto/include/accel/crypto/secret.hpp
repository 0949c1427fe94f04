// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bytes that are wiped when they go: keys and what leads to them. Used by the key types of this
// module and by handshakes. Copies are wiped too; comparing is left out on purpose.

#include <algorithm>
#include <array>
#include <cstdint>

#include "accel/core/bytes.hpp"

namespace accel::crypto {

// Overwrites in a way that the compiler keeps.
void wipe(std::span<std::uint8_t> bytes);

template <std::size_t Size>
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::span<const std::uint8_t, Size> bytes) {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(bytes_); }

  ByteView view() const { return bytes_; }
  std::span<std::uint8_t, Size> writable() { return bytes_; }

 private:
  std::array<std::uint8_t, Size> bytes_{};
};

using Secret32 = Secret<32>;

}  // namespace accel::crypto
