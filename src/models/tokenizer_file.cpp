// SPDX-License-Identifier: Apache-2.0
#include "tokenizer_file.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "accel/models/tokenizer.hpp"
#include "json_fields.hpp"
#include "json_scanner.hpp"

namespace accel::models {
namespace {

constexpr std::array<std::string_view, 7> kSections{"version",       "truncation", "padding",
                                                    "added_tokens",  "normalizer", "pre_tokenizer",
                                                    "post_processor"};
constexpr std::array<std::string_view, 4> kModelMembers{
    "type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The "model" object, where the scanner stands. A vocabulary that is no object belongs to another
// model: it is skipped, and the type then names the model.
Status read_model(JsonScanner& scanner, WordPiece::Parts& model, std::string_view what) {
  nlohmann::json members = nlohmann::json::object();
  bool has_vocabulary = false;
  std::string_view key;
  std::string_view raw;
  if (scanner.begin_object()) {
    while (scanner.next_key(key)) {
      if (key == "vocab" && scanner.peek() == '{') {
        ACCEL_TRY(model.vocabulary, Vocabulary::read(scanner, what));
        has_vocabulary = true;
        continue;
      }
      const std::string name(key);
      if (!scanner.skip_value(raw)) break;
      if (!contains(kModelMembers, name)) continue;
      ACCEL_TRY(members[name], parse_json(raw, what));
    }
  }
  ACCEL_CHECK(scanner.status(what));
  ACCEL_TRY(const std::string type, text_field(members, "type", "", what));
  if (type != "WordPiece") {
    return fail(Errc::unsupported, "{}: the model {} is not implemented; WordPiece is.", what,
                type.empty() ? "without a type" : type);
  }
  if (!has_vocabulary) return fail(Errc::corrupt, "{}: the model has no vocabulary.", what);
  ACCEL_TRY(model.unknown_token, text_field(members, "unk_token", model.unknown_token, what));
  ACCEL_TRY(model.continuing_prefix,
            text_field(members, "continuing_subword_prefix", model.continuing_prefix, what));
  ACCEL_TRY(const auto limit, count_field(members, "max_input_chars_per_word", what));
  model.max_word_characters = limit.value_or(model.max_word_characters);
  return {};
}

}  // namespace

const nlohmann::json& TokenizerFile::section(std::string_view name) const {
  static const nlohmann::json kNone;
  const auto found = sections.find(name);
  return found == sections.end() ? kNone : found->second;
}

Result<TokenizerFile> read_tokenizer_file(std::string_view text, std::string_view what) {
  if (text.size() > kMaxTokenizerBytes) {
    return fail(Errc::resource_exhausted, "{} has {} bytes; {} are read at most.", what,
                text.size(), kMaxTokenizerBytes);
  }
  TokenizerFile file;
  JsonScanner scanner(text);
  bool has_model = false;
  std::string_view key;
  std::string_view raw;
  if (scanner.begin_object()) {
    while (scanner.next_key(key)) {
      const std::string name(key);
      if (name == "model" && scanner.peek() == '{') {
        ACCEL_CHECK(read_model(scanner, file.model, what));
        has_model = true;
      } else if (!scanner.skip_value(raw)) {
        break;
      } else if (contains(kSections, name)) {
        ACCEL_TRY(file.sections[name], parse_json(raw, what));
      }
    }
  }
  ACCEL_CHECK(scanner.status(what));
  if (!scanner.at_end()) return fail(Errc::corrupt, "{} goes on behind its end.", what);
  if (!has_model) return fail(Errc::corrupt, "{} has no model.", what);
  const nlohmann::json& version = file.section("version");
  if (!version.is_null() && version != "1.0") {
    return fail(Errc::unsupported, "{} has version {}; 1.0 is read.", what, version.dump());
  }
  return file;
}

Result<Truncation> read_truncation(const nlohmann::json& section, std::string_view what) {
  Truncation truncation;
  if (section.is_null()) return truncation;
  ACCEL_TRY(const auto limit, count_field(section, "max_length", what));
  ACCEL_TRY(const std::string direction, text_field(section, "direction", "Right", what));
  ACCEL_TRY(const std::string strategy, text_field(section, "strategy", "LongestFirst", what));
  if ((direction != "Right" && direction != "Left") || strategy == "OnlySecond") {
    return fail(Errc::unsupported, "{}: truncation {} with direction {} is not implemented.", what,
                strategy, direction);
  }
  truncation.max_length = limit;
  truncation.keeps_end = direction == "Left";
  return truncation;
}

Result<std::optional<std::int32_t>> read_pad_id(const nlohmann::json& section,
                                                std::string_view what) {
  ACCEL_TRY(const auto id, count_field(section, "pad_id", what));
  if (!id) return std::optional<std::int32_t>();
  if (*id > std::uint64_t{std::numeric_limits<std::int32_t>::max()}) {
    return fail(Errc::corrupt, "{}: the pad_id {} is no token id.", what, *id);
  }
  return std::optional<std::int32_t>(static_cast<std::int32_t>(*id));
}

}  // namespace accel::models
