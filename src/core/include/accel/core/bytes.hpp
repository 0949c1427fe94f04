// SPDX-License-Identifier: Apache-2.0
#pragma once
// Byte strings. Bytes owns, ByteView borrows. Used by every module; plain values.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// Views text as bytes and bytes as text, without copying; the result borrows.
ByteView as_bytes(std::string_view text);
std::string_view as_text(ByteView bytes);
Bytes to_bytes(std::string_view text);
Bytes to_bytes(ByteView bytes);

std::string to_hex(ByteView bytes);  // Lower case.
// Errors: invalid_argument (odd length, or a character that is no hex digit).
Result<Bytes> from_hex(std::string_view text);

// "91.0 MB", "512 B": decimal units (1 MB = 10^6 bytes), one decimal from kB up.
std::string human_bytes(std::uint64_t size_bytes);

}  // namespace accel
