// SPDX-License-Identifier: Apache-2.0
#pragma once
// The normalizer section of a tokenizer.json: BertNormalizer, Lowercase, NFD, NFC, StripAccents and
// Sequence of these. Private to models; immutable, thread-safe.
//
// Every one of them works on text that is cut in front of an ASCII white-space character as on the
// whole (`Tokenizer` relies on it): none looks across one.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "unicode.hpp"

namespace accel::models {

class Normalizer {
 public:
  // `section` is the value of "normalizer"; null means none. Errors: corrupt, unsupported (a type
  // that is not in the list above, named).
  static Result<Normalizer> from_json(const nlohmann::json& section, std::string_view what);

  bool spaces_chinese() const { return spaces_chinese_; }  // Each such character is a word.
  // Normalizes text into `out` (replaced), which is UTF-8 whatever `text` is.
  void apply(std::string_view text, std::string& out) const;

 private:
  enum class Step { clean, space_chinese, nfd, nfc, strip_nonspacing, strip_marks, lowercase };

  Status add(const nlohmann::json& section, std::string_view what, std::size_t depth);
  Status add_bert(const nlohmann::json& section, std::string_view what);
  void apply_ascii(std::string_view text, std::string& out) const;
  static CodePoints apply_step(Step step, const CodePoints& text);

  std::vector<Step> steps_;
  bool cleans_ = false;  // What the steps do to ASCII text: these two, nothing else.
  bool lowercases_ = false;
  bool spaces_chinese_ = false;
};

}  // namespace accel::models
