// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/vocabulary.hpp"

#include <gtest/gtest.h>

#include "tokenizer/wordpiece.hpp"

namespace accel::models {
namespace {

Result<Vocabulary> read(std::string_view text) {
  JsonScanner scanner(text);
  return Vocabulary::read(scanner, "The test");
}

TEST(Vocabulary, finds_what_was_put_in_and_nothing_else) {
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) {
    text += fmt::format("{}\"token-{}\": {}", i == 0 ? "" : ", ", i * 7, i);
  }
  const Vocabulary vocabulary = read(text + "}").value();
  EXPECT_EQ(vocabulary.size(), 5000U);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(vocabulary.find(fmt::format("token-{}", i * 7)), i);
    ASSERT_EQ(vocabulary.find(fmt::format("token-{}", i * 7 + 1)), std::nullopt);
  }
  EXPECT_EQ(vocabulary.max_bytes(), std::string("token-34993").size());
}

TEST(Vocabulary, takes_the_last_of_equal_tokens) {
  const Vocabulary vocabulary = read(R"({"a": 1, "b": 2, "a": 3})").value();
  EXPECT_EQ(vocabulary.find("a"), 3);
  EXPECT_EQ(vocabulary.size(), 2U);
}

TEST(Vocabulary, holds_tokens_of_every_length_and_the_empty_one) {
  std::string text = "{\"\": 0";
  for (int i = 1; i < 40; ++i) text += fmt::format(", \"{}\": {}", std::string(i, 'x'), i);
  const Vocabulary vocabulary = read(text + "}").value();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(vocabulary.find(std::string(i, 'x')), i);
  EXPECT_EQ(vocabulary.find(std::string(40, 'x')), std::nullopt);
}

TEST(Vocabulary, is_empty_for_an_empty_object) {
  const Vocabulary vocabulary = read("{}").value();
  EXPECT_EQ(vocabulary.size(), 0U);
  EXPECT_EQ(vocabulary.find(""), std::nullopt);
}

TEST(WordPiece, counts_characters_and_not_bytes_against_its_limit) {
  WordPiece::Parts parts;
  parts.vocabulary = read(R"({"[UNK]": 0, "é": 1, "##é": 2})").value();
  parts.max_word_characters = 3;
  const WordPiece model = WordPiece::make(std::move(parts), "The test").value();
  WordPiece::Scratch scratch;
  std::vector<std::int32_t> ids;
  model.tokenize("ééé", scratch, ids);
  model.tokenize("éééé", scratch, ids);
  EXPECT_EQ(ids, (std::vector<std::int32_t>{1, 2, 2, 0}));
}

TEST(WordPiece, works_without_a_prefix_for_what_continues_a_word) {
  WordPiece::Parts parts;
  parts.vocabulary = read(R"({"[UNK]": 0, "un": 1, "able": 2, "unab": 3})").value();
  parts.continuing_prefix = "";
  const WordPiece model = WordPiece::make(std::move(parts), "The test").value();
  WordPiece::Scratch scratch;
  std::vector<std::int32_t> ids;
  model.tokenize("unun", scratch, ids);
  model.tokenize("unable", scratch, ids);  // "unab" is longer than "un", and then nothing fits.
  EXPECT_EQ(ids, (std::vector<std::int32_t>{1, 1, 0}));
}

}  // namespace
}  // namespace accel::models
