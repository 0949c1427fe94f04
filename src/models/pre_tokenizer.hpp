// SPDX-License-Identifier: Apache-2.0
#pragma once
// The pre_tokenizer section of a tokenizer.json: how normalized text falls into words.
// BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation (isolated) and Sequence of these.
// Private to models; immutable, thread-safe.

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::models {

class PreTokenizer {
 public:
  // `section` is the value of "pre_tokenizer"; null means none: a text is one word. Errors:
  // corrupt, unsupported (named).
  static Result<PreTokenizer> from_json(const nlohmann::json& section, std::string_view what);

  // Appends the words of `text` (UTF-8) to `words`; they borrow from it.
  void split(std::string_view text, std::vector<std::string_view>& words) const;
  // Whether no word ever has white space in it, so that text may be cut there.
  bool splits_at_space() const;

 private:
  enum class Step { bert, whitespace, whitespace_split, punctuation };

  Status add(const nlohmann::json& section, std::string_view what, std::size_t depth);

  std::vector<Step> steps_;
};

}  // namespace accel::models
