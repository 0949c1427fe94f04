// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the reader and the writer of archives share. Private to ipld.

#include <array>
#include <cstdint>

namespace accel::ipld::detail {

// The first bytes of a CARv2: a length, and {"version": 2} in dag-cbor.
inline constexpr std::array<std::uint8_t, 11> kCarPragma{0x0a, 0xa1, 0x67, 'v', 'e', 'r',
                                                         's',  'i',  'o',  'n', 0x02};
// The left-most bit of the characteristics.
inline constexpr std::uint8_t kCarFullyIndexed = 0x80;

}  // namespace accel::ipld::detail
