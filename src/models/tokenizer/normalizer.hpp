// SPDX-License-Identifier: Apache-2.0
#pragma once
// The normalizer section of a tokenizer.json: BertNormalizer, Lowercase, NFD, NFC, NFKD, NFKC,
// StripAccents, Precompiled, Replace, Prepend, Strip and Sequence of these. Private to models;
// immutable, thread-safe.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "tokenizer/chars_map.hpp"
#include "tokenizer/text_pattern.hpp"
#include "tokenizer/unicode.hpp"

namespace accel::models {

class Normalizer {
 public:
  // `section` is the value of "normalizer"; null means none. Errors: corrupt, unsupported (a type
  // that is not in the list above, named).
  static Result<Normalizer> from_json(const nlohmann::json& section, std::string_view what);

  bool spaces_chinese() const { return spaces_chinese_; }  // Each such character is a word.
  // Whether text that is cut in front of an ASCII space, behind ASCII that is no white space, is
  // normalized as the whole is.
  bool may_cut() const;
  // Normalizes text into `out` (replaced), which is UTF-8 whatever `text` is.
  void apply(std::string_view text, std::string& out) const;

 private:
  // What is done to characters.
  enum class Step {
    clean,
    space_chinese,
    nfd,
    nfc,
    nfkd,
    nfkc,
    strip_nonspacing,
    strip_marks,
    lowercase
  };
  // A run of such steps, or one step that works on text.
  struct Stage {
    enum class Kind : std::uint8_t { characters, precompiled, replace, prepend, strip };
    Kind kind = Kind::characters;
    std::vector<Step> steps = {};
    bool cleans = false;  // What the steps do to ASCII text: these two, nothing else.
    bool lowercases = false;
    std::shared_ptr<const CharsMap> map = {};  // Immutable; copies of the normalizer share it.
    TextPattern pattern = {};
    std::string content = {};
    bool left = false, right = false;

    // Appends to `out`, until it has `limit` bytes: the rest stays as it is.
    void apply(std::string_view text, std::size_t limit, std::string& out) const;
    void apply_characters(std::string_view text, std::string& out) const;
    void apply_ascii(std::string_view text, std::string& out) const;
    void apply_replace(std::string_view text, std::size_t limit, std::string& out) const;
    void apply_strip(std::string_view text, std::string& out) const;
  };

  Status add(const nlohmann::json& section, std::string_view what, std::size_t depth);
  Status add_named(std::string_view type, const nlohmann::json& section, std::string_view what);
  Status add_bert(const nlohmann::json& section, std::string_view what);
  Status add_precompiled(const nlohmann::json& section, std::string_view what);
  Status add_replace(const nlohmann::json& section, std::string_view what);
  void add_step(Step step);
  static CodePoints apply_step(Step step, const CodePoints& text);

  std::vector<Stage> stages_;
  bool spaces_chinese_ = false;
};

}  // namespace accel::models
