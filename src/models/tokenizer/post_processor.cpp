// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "json_fields.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kMaxPieces = 256;

Result<std::int32_t> token_id(const nlohmann::json& value, std::string_view what) {
  if (!value.is_number_unsigned() ||
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int32_t>::max()}) {
    return fail(Errc::corrupt, "{}: a special token's id is no token id.", what);
  }
  return value.get<std::int32_t>();
}

Result<std::uint8_t> type_id(const nlohmann::json& piece, std::string_view what) {
  ACCEL_TRY(const auto value, count_field(piece, "type_id", what));
  if (value.value_or(0) > std::numeric_limits<std::uint8_t>::max()) {
    return fail(Errc::corrupt, "{}: the type_id {} is above 255.", what, *value);
  }
  return static_cast<std::uint8_t>(value.value_or(0));
}

// {"SpecialToken": {"id": "[CLS]", "type_id": 0}}: the ids behind the name are in special_tokens.
Status add_special(const nlohmann::json& piece, const nlohmann::json& section,
                   std::vector<SpecialToken>& out, std::string_view what) {
  ACCEL_TRY(const std::string name, text_field(piece, "id", "", what));
  ACCEL_TRY(const std::uint8_t type, type_id(piece, what));
  const nlohmann::json* table = find_field(section, "special_tokens");
  const nlohmann::json* token = table == nullptr ? nullptr : find_field(*table, name);
  const nlohmann::json* ids = token == nullptr ? nullptr : find_field(*token, "ids");
  if (ids == nullptr || !ids->is_array() || ids->size() > kMaxPieces) {
    return fail(Errc::corrupt, "{}: the template uses {}, which special_tokens does not define.",
                what, name);
  }
  for (const nlohmann::json& value : *ids) {
    ACCEL_TRY(const std::int32_t id, token_id(value, what));
    out.push_back({id, type});
  }
  return {};
}

Status check_pair(const std::vector<PairPiece>& pair, std::string_view what) {
  using Text = PairPiece::Text;
  std::vector<Text> texts;
  for (const PairPiece& piece : pair) {
    if (piece.text != Text::none) texts.push_back(piece.text);
  }
  if (pair.empty() || texts == std::vector{Text::first, Text::second}) return {};
  return fail(Errc::unsupported,
              "{}: the template for two texts must hold A and then B, each once; it holds {} texts "
              "or another order.",
              what, texts.size());
}

// "pair": [[CLS] A [SEP] B [SEP]]; a file may lack it, or have null.
Result<std::vector<PairPiece>> read_pair(const nlohmann::json& section, std::string_view what) {
  std::vector<PairPiece> pair;
  const nlohmann::json* pieces = find_field(section, "pair");
  if (pieces == nullptr) return pair;
  if (!pieces->is_array() || pieces->size() > kMaxPieces)
    return fail(Errc::corrupt, "{}: the template for two texts is no list.", what);
  for (const nlohmann::json& piece : *pieces) {
    if (const nlohmann::json* special = find_field(piece, "SpecialToken")) {
      std::vector<SpecialToken> tokens;
      ACCEL_CHECK(add_special(*special, section, tokens, what));
      for (const SpecialToken& token : tokens) pair.push_back({PairPiece::Text::none, token});
      continue;
    }
    const nlohmann::json* text = find_field(piece, "Sequence");
    const auto name = text == nullptr ? Result<std::string>("") : text_field(*text, "id", "", what);
    if (name != "A" && name != "B")
      return fail(Errc::corrupt,
                  "{}: the template for two texts has a piece that is neither a "
                  "special token nor a text.",
                  what);
    ACCEL_TRY(const std::uint8_t type, type_id(*text, what));
    pair.push_back({name == "A" ? PairPiece::Text::first : PairPiece::Text::second, {0, type}});
  }
  ACCEL_CHECK(check_pair(pair, what));
  return pair;
}

Result<PostProcessor> read_template(const nlohmann::json& section, std::string_view what) {
  PostProcessor result;
  const nlohmann::json* pieces = find_field(section, "single");
  if (pieces == nullptr || !pieces->is_array() || pieces->size() > kMaxPieces) {
    return fail(Errc::corrupt, "{}: TemplateProcessing has no template for a single text.", what);
  }
  std::size_t texts = 0;
  for (const nlohmann::json& piece : *pieces) {
    if (const nlohmann::json* special = find_field(piece, "SpecialToken")) {
      ACCEL_CHECK(add_special(*special, section, texts == 0 ? result.before : result.after, what));
      continue;
    }
    const nlohmann::json* text = find_field(piece, "Sequence");
    if (text == nullptr || text_field(*text, "id", "", what) != "A") {
      return fail(Errc::corrupt,
                  "{}: the template for a single text has a piece that is neither "
                  "a special token nor the text.",
                  what);
    }
    ACCEL_TRY(result.text_type_id, type_id(*text, what));
    ++texts;
  }
  if (texts != 1) {
    return fail(Errc::unsupported, "{}: the template for a single text holds it {} times.", what,
                texts);
  }
  ACCEL_TRY(result.pair, read_pair(section, what));
  return result;
}

// "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]
Result<PostProcessor> read_ends(const nlohmann::json& section, std::string_view what) {
  PostProcessor result;
  for (const std::string_view key : {"cls", "sep"}) {
    const nlohmann::json* pair = find_field(section, key);
    if (pair == nullptr || !pair->is_array() || pair->size() != 2) {
      return fail(Errc::corrupt, "{}: {} of the post-processor must be [token, id].", what, key);
    }
    ACCEL_TRY(const std::int32_t id, token_id((*pair)[1], what));
    (key == "cls" ? result.before : result.after).push_back({id, 0});
  }
  return result;
}

Result<PostProcessor> read_bert(const nlohmann::json& section, std::string_view what) {
  ACCEL_TRY(PostProcessor result, read_ends(section, what));
  const std::int32_t end = result.after.front().id;
  result.pair = {{PairPiece::Text::none, result.before.front()},
                 {PairPiece::Text::first, {}},
                 {PairPiece::Text::none, {end, 0}},
                 {PairPiece::Text::second, {0, 1}},
                 {PairPiece::Text::none, {end, 1}}};
  return result;
}

// <s> A </s></s> B </s>, all of type 0.
Result<PostProcessor> read_roberta(const nlohmann::json& section, std::string_view what) {
  ACCEL_TRY(PostProcessor result, read_ends(section, what));
  const PairPiece end{PairPiece::Text::none, result.after.front()};
  result.pair = {{PairPiece::Text::none, result.before.front()},
                 {PairPiece::Text::first, {}},
                 end,
                 end,
                 {PairPiece::Text::second, {}},
                 end};
  return result;
}

// Parts that add nothing, and one that does.
Result<PostProcessor> read_sequence(const nlohmann::json& section, std::string_view what) {
  const nlohmann::json* parts = find_field(section, "processors");
  if (parts == nullptr || !parts->is_array()) {
    return fail(Errc::corrupt, "{}: a Sequence of post-processors lists none.", what);
  }
  PostProcessor result;
  std::size_t adding = 0;
  for (const nlohmann::json& part : *parts) {
    ACCEL_TRY(const std::string type, text_field(part, "type", "", what));
    if (type == "ByteLevel") continue;
    if (type == "Sequence" || ++adding > 1) {
      return fail(Errc::unsupported,
                  "{}: a Sequence with more than one post-processor that adds tokens is not "
                  "implemented.",
                  what);
    }
    ACCEL_TRY(result, PostProcessor::from_json(part, what));
  }
  return result;
}

}  // namespace

Result<PostProcessor> PostProcessor::from_json(const nlohmann::json& section,
                                               std::string_view what) {
  if (section.is_null()) return PostProcessor{};
  ACCEL_TRY(const std::string type, text_field(section, "type", "", what));
  if (type == "TemplateProcessing") return read_template(section, what);
  if (type == "BertProcessing") return read_bert(section, what);
  if (type == "RobertaProcessing") return read_roberta(section, what);
  if (type == "ByteLevel") return PostProcessor{};  // It moves offsets alone.
  if (type == "Sequence") return read_sequence(section, what);
  return fail(Errc::unsupported,
              "{}: the post-processor {} is not implemented; TemplateProcessing, BertProcessing, "
              "RobertaProcessing, ByteLevel and Sequence are.",
              what, type.empty() ? "without a type" : type);
}

}  // namespace accel::models
