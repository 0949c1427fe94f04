// SPDX-License-Identifier: Apache-2.0
#pragma once
// The pre_tokenizer section of a tokenizer.json: how normalized text falls into words, and how
// these are written in the vocabulary. BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation
// (isolated), Digits, Split, ByteLevel, Metaspace and Sequence of these. Private to models;
// immutable, thread-safe.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "tokenizer/text_pattern.hpp"

namespace accel::models {

class PreTokenizer {
 public:
  // Room to work in, kept by the caller from text to text: words may borrow from it.
  struct Scratch {
    std::vector<std::string> written;  // What each step that rewrites has written.
    std::vector<std::string_view> pieces;
  };

  // `section` is the value of "pre_tokenizer"; null means none: a text is one word. Errors:
  // corrupt, unsupported (named).
  static Result<PreTokenizer> from_json(const nlohmann::json& section, std::string_view what);

  // Replaces `words` with the words of `text` (UTF-8); they borrow from it or from `scratch`.
  // `at_start` says whether it is the beginning of a text, and not what lies behind an added token.
  void split(std::string_view text, bool at_start, Scratch& scratch,
             std::vector<std::string_view>& words) const;
  // Appends the words as they stand in `text`, none of them rewritten, with the spaces that the
  // steps leave with them.
  void split_only(std::string_view text, std::vector<std::string_view>& words) const;
  // Whether text may be cut in front of a space that follows another character than white space.
  bool splits_at_space() const;
  // Whether words are written in another way than they stand in the text.
  bool rewrites() const;

 private:
  enum class Kind : std::uint8_t {
    bert,
    whitespace,
    whitespace_split,
    punctuation,
    digits,
    pattern,
    prefix_space,  // ByteLevel's, in front of its pattern
    bytes,         // ByteLevel's characters for bytes
    metaspace
  };
  enum class Behavior : std::uint8_t { removed, isolated, with_previous, with_next, contiguous };
  enum class Prepend : std::uint8_t { never, first, always };
  struct Step {
    Kind kind = Kind::bert;
    TextPattern pattern = {};                // Of pattern; of metaspace, its character.
    Behavior behavior = Behavior::isolated;  // Of pattern and digits.
    bool inverted = false;
    std::string replacement = {};  // Of metaspace.
    Prepend prepend = Prepend::never;
    bool splits = true;
  };

  Status add(const nlohmann::json& section, std::string_view what, std::size_t depth);
  Status add_named(std::string_view type, const nlohmann::json& section, std::string_view what);
  Status add_split(const nlohmann::json& section, std::string_view what);
  Status add_byte_level(const nlohmann::json& section, std::string_view what);
  Status add_metaspace(const nlohmann::json& section, std::string_view what);
  static void split_pattern(const Step& step, std::string_view text,
                            std::vector<std::string_view>& words);
  static void apply(const Step& step, std::string_view text, std::vector<std::string_view>& words);
  static void rewrite(const Step& step, const std::vector<std::string_view>& pieces, bool at_start,
                      std::string& written, std::vector<std::string_view>& words);

  std::vector<Step> steps_;
};

}  // namespace accel::models
