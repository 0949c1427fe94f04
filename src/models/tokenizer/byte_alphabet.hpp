// SPDX-License-Identifier: Apache-2.0
#pragma once
// The 256 characters that stand for bytes in byte-level tokenizers. Spec: bytes_to_unicode() of
// GPT-2's encoder.py. Private to models.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accel::models {

// Appends the characters of the bytes of `text`, two bytes of UTF-8 each at most.
void append_byte_characters(std::string_view text, std::string& out);
// The byte that a character stands for.
std::optional<std::uint8_t> byte_of_character(char32_t c);

}  // namespace accel::models
