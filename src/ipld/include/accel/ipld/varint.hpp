// SPDX-License-Identifier: Apache-2.0
#pragma once
// Unsigned varints of multiformats: 7 bits a byte, least significant group first. Pure functions
// over bytes. Used by every format of this module and by the wire protocols above it. Spec:
// multiformats/unsigned-varint: at most 9 bytes (63 bits), and the shortest form only.

#include <cstdint>

#include "accel/core/bytes.hpp"

namespace accel::ipld {

inline constexpr std::size_t kMaxUvarintBytes = 9;
inline constexpr std::uint64_t kMaxUvarint = (std::uint64_t{1} << 63U) - 1;

struct Uvarint {
  std::uint64_t value = 0;
  std::size_t size = 0;  // Bytes it took.
};

// Appends the shortest form. A value above kMaxUvarint takes ten bytes, which protobuf reads and
// get_uvarint() refuses.
void put_uvarint(Bytes& out, std::uint64_t value);
// Bytes that put_uvarint() appends.
std::size_t uvarint_size(std::uint64_t value);

// Reads one varint from the front; bytes behind it are not looked at.
// Errors: invalid_argument (cut off, more than nine bytes, or not the shortest form).
Result<Uvarint> get_uvarint(ByteView bytes);

}  // namespace accel::ipld
