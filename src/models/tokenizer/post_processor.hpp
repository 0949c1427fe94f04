// SPDX-License-Identifier: Apache-2.0
#pragma once
// The post_processor section of a tokenizer.json: which special tokens surround one text,
// and how two are joined. TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel (which
// changes no id) and Sequence of these. Private to models; plain values.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::models {

struct SpecialToken {
  std::int32_t id = 0;
  std::uint8_t type_id = 0;
};

// A part of the template for two texts: one of them, or a special token.
struct PairPiece {
  enum class Text : std::uint8_t { none, first, second };
  Text text = Text::none;
  SpecialToken special;  // Of a text, type_id alone counts.
};

struct PostProcessor {
  std::vector<SpecialToken> before;
  std::vector<SpecialToken> after;
  std::uint8_t text_type_id = 0;
  std::vector<PairPiece> pair;  // Both texts once, in order. Empty: the file does not say.

  // `section` is the value of "post_processor"; null means none. Errors: corrupt, unsupported.
  static Result<PostProcessor> from_json(const nlohmann::json& section, std::string_view what);
  std::size_t special_tokens() const { return before.size() + after.size(); }
};

}  // namespace accel::models
