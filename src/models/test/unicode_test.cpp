// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unicode.hpp"

#include <gtest/gtest.h>

namespace accel::models {
namespace {

CodePoints decode(std::string_view text) {
  CodePoints out;
  for (std::size_t at = 0; at < text.size();) out.push_back(next_code_point(text, at));
  return out;
}

TEST(Utf8, reads_back_every_character_that_it_writes) {
  for (char32_t c = 0; c < 0x110000; c += 7) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(c, text);
    std::size_t at = 0;
    ASSERT_EQ(next_code_point(text, at), c);
    ASSERT_EQ(at, text.size());
    ASSERT_EQ(code_point_before(text, text.size()), c);
    ASSERT_TRUE(is_utf8(text));
  }
}

// Unicode 15, section 3.9, tables 3-8 to 3-11: one U+FFFD for each maximal subpart.
TEST(Utf8, replaces_maximal_subparts_as_the_standard_recommends) {
  const char32_t r = kReplacement;
  EXPECT_EQ(decode("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            (CodePoints{r, r, r, r, r, r, r, r, U'A'}));
  EXPECT_EQ(decode("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            (CodePoints{r, r, r, r, r, r, r, r, U'A'}));
  EXPECT_EQ(decode("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            (CodePoints{r, r, r, r, r, U'A', r, r, U'B'}));
  EXPECT_EQ(decode("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), (CodePoints{r, r, r, r, U'A'}));
}

TEST(Utf8, tells_ill_formed_text_from_a_replacement_character_in_it) {
  EXPECT_TRUE(is_utf8("caf\u00E9 \uFFFD"));
  EXPECT_FALSE(is_utf8("\xEF\xBF"));
  EXPECT_FALSE(is_utf8("\xC0\x80"));
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));
}

TEST(Unicode, lowers_one_character_after_another_without_context) {
  CodePoints out;
  for (const char32_t c : {U'A', U'É', U'İ', U'Σ', U'ẞ', U'ß', U'1'}) append_lower(c, out);
  EXPECT_EQ(out, (CodePoints{U'a', U'é', U'i', 0x307, U'σ', U'ß', U'ß', U'1'}));
}

// UAX #15, and Unicode 15, section 3.11, D108: marks sort by combining class, stably.
TEST(Unicode, decomposes_and_orders_marks) {
  EXPECT_EQ(to_nfd({0x1E69}), (CodePoints{U's', 0x323, 0x307}));
  EXPECT_EQ(to_nfd({U's', 0x307, 0x323}), (CodePoints{U's', 0x323, 0x307}));
  EXPECT_EQ(to_nfd({0xAC01}), (CodePoints{0x1100, 0x1161, 0x11A8}));
  EXPECT_EQ(to_nfd({0x212B}), (CodePoints{U'A', 0x30A}));
}

TEST(Unicode, composes_again) {
  EXPECT_EQ(to_nfc({U's', 0x307, 0x323}), (CodePoints{0x1E69}));
  EXPECT_EQ(to_nfc({0x1100, 0x1161, 0x11A8}), (CodePoints{0xAC01}));
  EXPECT_EQ(to_nfc({0x0958}), (CodePoints{0x915, 0x93C}));  // A composition exclusion.
}

}  // namespace
}  // namespace accel::models
