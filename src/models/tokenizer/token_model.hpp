// SPDX-License-Identifier: Apache-2.0
#pragma once
// The model section of a tokenizer.json: what makes ids of a word. Private to models; thread-safe.

#include <string_view>
#include <variant>
#include <vector>

#include "tokenizer/bpe.hpp"
#include "tokenizer/unigram.hpp"
#include "tokenizer/wordpiece.hpp"

namespace accel::models {

class TokenModel {
 public:
  using Any = std::variant<WordPiece, Bpe, Unigram>;
  explicit TokenModel(Any model) : model_(std::move(model)) {}

  // Reads the "model" object where the scanner stands. Errors: corrupt, unsupported (a model or an
  // option of one that is not implemented, named), resource_exhausted.
  static Result<TokenModel> read(JsonScanner& scanner, std::string_view what);

  struct Scratch {
    WordPiece::Scratch wordpiece;
    Bpe::Scratch bpe;
    Unigram::Scratch unigram;
  };
  // Appends the ids of one word (UTF-8). A model may stop where there are more than `limit` ids.
  void tokenize(std::string_view word, std::size_t limit, Scratch& scratch,
                std::vector<std::int32_t>& ids) const;

  const Vocabulary& vocabulary() const;

 private:
  Any model_;
};

}  // namespace accel::models
