// SPDX-License-Identifier: Apache-2.0
#pragma once
// The patterns by which a tokenizer.json splits and replaces: plain strings, and those regular
// expressions that tokenizers of the field use, each matched by a function of its own. A pattern
// is known by its exact text: a similar one would cut in another way. Private to models;
// immutable, thread-safe.
//
// Every function takes time in proportion to what it matches or skips, never to its square.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel::models {

class TextPattern {
 public:
  // `pattern` is {"String": …} or {"Regex": …}. Errors: corrupt, unsupported (an expression that is
  // not in the table, with its text).
  static Result<TextPattern> from_json(const nlohmann::json& pattern, std::string_view what);
  static TextPattern gpt2();  // What ByteLevel splits by.

  struct Match {
    std::size_t begin = 0;
    std::size_t end = 0;  // Equal to begin: there is none.
  };
  // The first match at `from` or behind it.
  Match find(std::string_view text, std::size_t from) const;
  // Whether text may be worked on in windows: no match goes from a character that is no white
  // space into a space.
  bool stops_at_space() const { return match_ != nullptr; }

 private:
  // Returns where the match ends that begins at text[at]; `at` where there is none.
  using Function = std::size_t (*)(std::string_view text, std::size_t at);
  struct Known {
    std::string_view expression;
    Function match;
  };
  static const Known kKnown[];

  std::string literal_;
  Function match_ = nullptr;
};

}  // namespace accel::models
