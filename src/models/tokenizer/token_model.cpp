// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/token_model.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"

namespace accel::models {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 10> kMembers{"type",
                                                    "unk_token",
                                                    "continuing_subword_prefix",
                                                    "max_input_chars_per_word",
                                                    "dropout",
                                                    "end_of_word_suffix",
                                                    "fuse_unk",
                                                    "byte_fallback",
                                                    "ignore_merges",
                                                    "unk_id"};

// The "model" object: its vocabulary, its merges as they stand in the file (they may come before
// the vocabulary), and its small members.
struct Section {
  std::optional<Vocabulary> vocabulary;
  std::vector<double> scores;
  std::optional<std::string_view> merges;
  json members = json::object();
};

Result<Section> read_section(JsonScanner& scanner, std::string_view what) {
  Section section;
  std::string_view key;
  std::string_view raw;
  if (!scanner.begin_object()) ACCEL_CHECK(scanner.status(what));
  while (scanner.next_key(key)) {
    const char next = scanner.peek();
    if (key == "vocab" && next == '{') {
      ACCEL_TRY(section.vocabulary, Vocabulary::read(scanner, what));
    } else if (key == "vocab" && next == '[') {
      section.scores.clear();
      ACCEL_TRY(section.vocabulary, Vocabulary::read_scored(scanner, section.scores, what));
    } else {
      const std::string name(key);
      if (!scanner.skip_value(raw)) break;
      if (name == "merges") section.merges = raw;
      if (std::find(kMembers.begin(), kMembers.end(), name) == kMembers.end()) continue;
      ACCEL_TRY(section.members[name], parse_json(raw, what));
    }
  }
  ACCEL_CHECK(scanner.status(what));
  return section;
}

Result<TokenModel> make_wordpiece(Section section, std::string_view what) {
  WordPiece::Parts parts;
  parts.vocabulary = std::move(*section.vocabulary);
  const json& members = section.members;
  ACCEL_TRY(parts.unknown_token, text_field(members, "unk_token", parts.unknown_token, what));
  ACCEL_TRY(parts.continuing_prefix,
            text_field(members, "continuing_subword_prefix", parts.continuing_prefix, what));
  ACCEL_TRY(const auto limit, count_field(members, "max_input_chars_per_word", what));
  parts.max_word_characters = limit.value_or(parts.max_word_characters);
  ACCEL_TRY(WordPiece model, WordPiece::make(std::move(parts), what));
  return TokenModel(std::move(model));
}

Result<TokenModel> make_bpe(Section section, std::string_view what) {
  const json& members = section.members;
  const json* dropout = find_field(members, "dropout");
  if (dropout != nullptr && *dropout != 0) {
    return fail(Errc::unsupported,
                "{}: BPE with dropout gives a text other ids every time; set it to null.", what);
  }
  ACCEL_TRY(const std::string prefix, text_field(members, "continuing_subword_prefix", "", what));
  if (!prefix.empty()) {
    return fail(Errc::unsupported,
                "{}: BPE with the continuing_subword_prefix {} is not implemented.", what, prefix);
  }
  if (!section.merges) return fail(Errc::corrupt, "{}: the BPE model has no merges.", what);
  Bpe::Parts parts;
  parts.vocabulary = std::move(*section.vocabulary);
  ACCEL_TRY(parts.merges, Merges::read(*section.merges, parts.vocabulary, what));
  ACCEL_TRY(parts.unknown_token, text_field(members, "unk_token", "", what));
  ACCEL_TRY(parts.word_suffix, text_field(members, "end_of_word_suffix", "", what));
  ACCEL_TRY(parts.fuse_unknown, bool_field(members, "fuse_unk", false, what));
  ACCEL_TRY(parts.byte_fallback, bool_field(members, "byte_fallback", false, what));
  ACCEL_TRY(parts.ignore_merges, bool_field(members, "ignore_merges", false, what));
  ACCEL_TRY(Bpe model, Bpe::make(std::move(parts), what));
  return TokenModel(std::move(model));
}

Result<TokenModel> make_unigram(Section section, std::string_view what) {
  Unigram::Parts parts;
  parts.vocabulary = std::move(*section.vocabulary);
  parts.scores = std::move(section.scores);
  ACCEL_TRY(parts.unknown_id, count_field(section.members, "unk_id", what));
  ACCEL_TRY(parts.byte_fallback, bool_field(section.members, "byte_fallback", false, what));
  ACCEL_TRY(Unigram model, Unigram::make(std::move(parts), what));
  return TokenModel(std::move(model));
}

// Files of before tokenizers 0.10 do not say what their model is.
std::string_view type_by_members(const Section& section) {
  if (section.merges) return "BPE";
  return section.scores.empty() ? "" : "Unigram";
}

}  // namespace

Result<TokenModel> TokenModel::read(JsonScanner& scanner, std::string_view what) {
  ACCEL_TRY(Section section, read_section(scanner, what));
  ACCEL_TRY(const std::string type,
            text_field(section.members, "type", type_by_members(section), what));
  if (type != "WordPiece" && type != "BPE" && type != "Unigram") {
    return fail(Errc::unsupported,
                "{}: the model {} is not implemented; WordPiece, BPE and Unigram are.", what,
                type.empty() ? "without a type" : type);
  }
  const bool scored = !section.scores.empty();
  if (!section.vocabulary || scored != (type == "Unigram")) {
    return fail(Errc::corrupt, "{}: the model has no vocabulary of the kind that {} has.", what,
                type);
  }
  if (type == "BPE") return make_bpe(std::move(section), what);
  return scored ? make_unigram(std::move(section), what) : make_wordpiece(std::move(section), what);
}

void TokenModel::tokenize(std::string_view word, std::size_t limit, Scratch& scratch,
                          std::vector<std::int32_t>& ids) const {
  if (const auto* bpe = std::get_if<Bpe>(&model_)) {
    bpe->tokenize(word, limit, scratch.bpe, ids);
  } else if (const auto* unigram = std::get_if<Unigram>(&model_)) {
    unigram->tokenize(word, scratch.unigram, ids);
  } else {
    std::get<WordPiece>(model_).tokenize(word, scratch.wordpiece, ids);
  }
}

const Vocabulary& TokenModel::vocabulary() const {
  return std::visit([](const auto& model) -> const Vocabulary& { return model.vocabulary(); },
                    model_);
}

}  // namespace accel::models
