// SPDX-License-Identifier: Apache-2.0
#pragma once
// Characters as Hugging Face `tokenizers` sees them: UTF-8, classes, lower case, canonical
// decomposition. Private to models. Plain functions, thread-safe.
//
// Classes come from unicode_tables.inc (asked of tokenizers itself, which mixes Unicode 8 and 16);
// decomposition and lower case from utf8proc.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accel::models {

using CodePoints = std::vector<char32_t>;

constexpr char32_t kReplacement = 0xFFFD;

// Reads the character at text[at] and moves `at` behind it; at < text.size(). A maximal subpart of
// an ill-formed sequence reads as U+FFFD (Unicode 15, section 3.9, "U+FFFD Substitution").
char32_t next_code_point(std::string_view text, std::size_t& at);
// The character that ends at text[end - 1], for text that is UTF-8; end > 0.
char32_t code_point_before(std::string_view text, std::size_t end);
void append_utf8(char32_t character, std::string& out);
bool is_utf8(std::string_view text);
bool is_ascii(std::string_view text);

bool is_control(char32_t c);      // What BertNormalizer's clean_text drops.
bool is_space(char32_t c);        // White_Space.
bool is_punctuation(char32_t c);  // What BertPreTokenizer and Punctuation split off.
bool is_nonspacing(char32_t c);   // What BertNormalizer's strip_accents drops.
bool is_mark(char32_t c);         // What StripAccents drops.
bool is_word(char32_t c);         // \w of the Whitespace pre-tokenizer.
bool is_chinese(char32_t c);      // What BertNormalizer puts spaces around.
bool is_numeric(char32_t c);      // What Digits splits off.

// General categories as the regular expressions of tokenizers tell them apart; \p{L} is the first
// three letters.
enum class Category : std::uint8_t {
  other,
  upper,   // Lu, Lt
  lower,   // Ll
  letter,  // Lm, Lo
  mark,
  number,
  punctuation,
  symbol
};
Category category_of(char32_t c);
constexpr bool is_letter(Category c) { return c >= Category::upper && c <= Category::letter; }

// Lower case of one character after another, without context: U+0130 becomes "i" and U+0307.
void append_lower(char32_t c, CodePoints& out);
// Canonical decomposition and canonical order (UAX #15); then, for NFC, composition.
CodePoints to_nfd(const CodePoints& text);
CodePoints to_nfc(const CodePoints& text);
// The same after compatibility decomposition.
CodePoints to_nfkd(const CodePoints& text);
CodePoints to_nfkc(const CodePoints& text);

// Where the extended grapheme cluster (UAX #29) ends that begins at text[at]; at < text.size().
std::size_t grapheme_end(std::string_view text, std::size_t at);

}  // namespace accel::models
