// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which tokens come of which words of a text: what an answer or an entity is shown by. Private to
// models; pure functions.

#include <cstdint>
#include <string_view>
#include <vector>

#include "accel/models/tokenizer.hpp"

namespace accel::models {

struct Word {
  std::size_t begin = 0, end = 0;  // Bytes of the text.
};

struct WordTokens {
  std::vector<Word> words;
  std::vector<std::int32_t> ids;       // Of the whole text, without special tokens.
  std::vector<std::uint32_t> word_of;  // For each id.
  bool starts_word(std::size_t token) const {
    return token == 0 || word_of[token] != word_of[token - 1];
  }
};

// Words are the tokenizer's own (Tokenizer::words). The ids always are those of the whole text:
// where its words alone would give others, white space alone ends a word, and where that does too,
// the text is one word.
WordTokens split_words(const Tokenizer& tokenizer, std::string_view text);

}  // namespace accel::models
