// SPDX-License-Identifier: Apache-2.0
#pragma once
// CRC-32 (ISO 3309, as in zip and PNG): tells a damaged journal line from a whole one. Not a
// signature.

#include <array>
#include <cstdint>
#include <string_view>

namespace accel::db::detail {

constexpr std::array<std::uint32_t, 256> make_crc32_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  return table;
}

constexpr std::uint32_t crc32(std::string_view bytes) {
  constexpr auto kTable = make_crc32_table();
  std::uint32_t value = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    value = (value >> 8U) ^ kTable[(value ^ static_cast<unsigned char>(byte)) & 0xFFU];
  }
  return value ^ 0xFFFFFFFFU;
}

static_assert(crc32("123456789") == 0xCBF43926U);  // The check value of the CRC catalogue.

}  // namespace accel::db::detail
