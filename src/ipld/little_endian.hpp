// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fixed-width numbers, least significant byte first. Private to ipld.

#include <cstdint>

#include "accel/core/bytes.hpp"

namespace accel::ipld::detail {

inline std::uint64_t little_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

inline void put_little_endian(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

}  // namespace accel::ipld::detail
