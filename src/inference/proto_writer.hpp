// SPDX-License-Identifier: Apache-2.0
#pragma once
// Appends protobuf fields to a byte string. Used by the skeleton writer and the canary. Spec:
// Protocol Buffers, "Encoding".

#include <cstdint>
#include <string_view>

#include "accel/core/bytes.hpp"

namespace accel::inference::detail {

inline void put_varint(Bytes& out, std::uint64_t value) {
  for (; value > 0x7F; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

inline void put_varint_field(Bytes& out, std::uint32_t field, std::uint64_t value) {
  put_varint(out, std::uint64_t{field} << 3);
  put_varint(out, value);
}

inline void put_bytes(Bytes& out, std::uint32_t field, ByteView value) {
  put_varint(out, (std::uint64_t{field} << 3) | 2);
  put_varint(out, value.size());
  out.insert(out.end(), value.begin(), value.end());
}

inline void put_text(Bytes& out, std::uint32_t field, std::string_view value) {
  put_bytes(out, field, as_bytes(value));
}

}  // namespace accel::inference::detail
