// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/utf8.hpp"

#include <cstdint>

namespace accel::ipld {
namespace {

struct Lead {
  std::size_t size = 0;       // Bytes of the character; 0 for a byte that starts none.
  std::uint8_t least = 0x80;  // Of the second byte: keeps out overlong forms,
  std::uint8_t most = 0xBF;   // surrogates, and what lies above U+10FFFF.
};

// RFC 3629, section 4.
Lead read_lead(std::uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

// Bytes of the character at the front of `text`; 0 if it is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const Lead lead = read_lead(byte(0));
  if (lead.size == 0 || lead.size > text.size()) return 0;
  if (byte(1) < lead.least || byte(1) > lead.most) return 0;
  for (std::size_t i = 2; i < lead.size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  return lead.size;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto last = [&out](char32_t bits) {
    out.push_back(static_cast<char>(0x80 | (bits & 0x3F)));
  };
  if (code_point < 0x80) {
    out.push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code_point >> 6U)));
    last(code_point);
  } else if (code_point < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code_point >> 12U)));
    last(code_point >> 6U);
    last(code_point);
  } else {
    out.push_back(static_cast<char>(0xF0 | (code_point >> 18U)));
    last(code_point >> 12U);
    last(code_point >> 6U);
    last(code_point);
  }
}

}  // namespace accel::ipld
