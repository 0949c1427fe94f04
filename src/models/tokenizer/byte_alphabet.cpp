// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/byte_alphabet.hpp"

namespace accel::models {
namespace {

constexpr char32_t kLast = 0x143;  // Of the alphabet.

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<std::array<char, 2>, 256> utf8{};  // The second is 0 where one byte is enough.
  std::array<std::int16_t, kLast + 1> byte{};   // -1: none.
  constexpr Alphabet() {
    byte.fill(-1);
    unsigned next = 0x100;  // The others, in order, from here on.
    for (unsigned b = 0; b < 256; ++b) {
      const unsigned c = stands_for_itself(b) ? b : next++;
      byte[c] = static_cast<std::int16_t>(b);
      utf8[b] = c < 0x80 ? std::array{static_cast<char>(c), '\0'}
                         : std::array{static_cast<char>(0xC0 | c >> 6U),
                                      static_cast<char>(0x80 | (c & 0x3FU))};
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

void append_byte_characters(std::string_view text, std::string& out) {
  for (const char c : text) {
    const auto& utf8 = kAlphabet.utf8[static_cast<unsigned char>(c)];
    out.push_back(utf8[0]);
    if (utf8[1] != '\0') out.push_back(utf8[1]);
  }
}

std::optional<std::uint8_t> byte_of_character(char32_t c) {
  if (c > kLast || kAlphabet.byte[c] < 0) return std::nullopt;
  return static_cast<std::uint8_t>(kAlphabet.byte[c]);
}

}  // namespace accel::models
