// SPDX-License-Identifier: Apache-2.0
#pragma once
// The WordPiece model: the longest token that starts a word, then the longest that goes on from
// there, and [UNK] for the whole word when some part has none. Private to models; thread-safe.
// Spec: tokenizers' models/wordpiece; Schuster and Nakajima, Japanese and Korean voice search
// (2012).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.hpp"

namespace accel::models {

class WordPiece {
 public:
  struct Parts {
    Vocabulary vocabulary;
    std::string unknown_token = "[UNK]";
    std::string continuing_prefix = "##";
    std::size_t max_word_characters = 100;
  };
  // Errors: corrupt when the vocabulary lacks the unknown token.
  static Result<WordPiece> make(Parts parts, std::string_view what);

  // Room to work in, kept by the caller from word to word.
  struct Scratch {
    std::string word;
  };
  // Appends the ids of one word (UTF-8).
  void tokenize(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& ids) const;

  const Vocabulary& vocabulary() const { return parts_.vocabulary; }

 private:
  WordPiece(Parts parts, std::int32_t unknown_id)
      : parts_(std::move(parts)), unknown_id_(unknown_id) {}

  Parts parts_;
  std::int32_t unknown_id_;
};

}  // namespace accel::models
