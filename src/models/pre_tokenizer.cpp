// SPDX-License-Identifier: Apache-2.0
#include "pre_tokenizer.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "json_fields.hpp"
#include "unicode.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kMaxNesting = 8;
constexpr std::size_t kMaxSteps = 64;

enum class Kind : std::uint8_t { inside, alone, dropped };
// What a character is to a step, and for Whitespace also which of its two sorts of words it is in.
struct Class {
  Kind kind;
  bool word;
};

Class bert_class(char32_t c) {
  if (is_space(c)) return {Kind::dropped, false};
  return {is_punctuation(c) ? Kind::alone : Kind::inside, false};
}
Class whitespace_class(char32_t c) {  // \w+|[^\w\s]+
  if (is_space(c)) return {Kind::dropped, false};
  return {Kind::inside, is_word(c)};
}
Class whitespace_split_class(char32_t c) {
  return {is_space(c) ? Kind::dropped : Kind::inside, false};
}
Class punctuation_class(char32_t c) {
  return {is_punctuation(c) ? Kind::alone : Kind::inside, false};
}

using Classify = Class (*)(char32_t);

std::array<Class, 128> ascii_classes(Classify classify) {
  std::array<Class, 128> table{};
  for (char32_t c = 0; c < 128; ++c) table[c] = classify(c);
  return table;
}

struct Rule {
  Classify classify;
  std::array<Class, 128> ascii;
  explicit Rule(Classify function) : classify(function), ascii(ascii_classes(function)) {}
};

void split_by(const Rule& rule, std::string_view text, std::vector<std::string_view>& words) {
  std::size_t start = 0;
  bool in_word = false;  // Whether [start, at) is a word, and of which sort.
  bool word = false;
  const auto finish = [&](std::size_t end) {
    if (in_word) words.push_back(text.substr(start, end - start));
    in_word = false;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const auto byte = static_cast<unsigned char>(text[at]);
    const Class c =
        byte < 0x80 ? rule.ascii[(++at, byte)] : rule.classify(next_code_point(text, at));
    if (c.kind == Kind::inside) {
      if (in_word && c.word != word) finish(begin);
      if (!in_word) start = begin;
      in_word = true;
      word = c.word;
      continue;
    }
    finish(begin);
    if (c.kind == Kind::alone) words.push_back(text.substr(begin, at - begin));
  }
  finish(text.size());
}

}  // namespace

Result<PreTokenizer> PreTokenizer::from_json(const nlohmann::json& section, std::string_view what) {
  PreTokenizer result;
  if (!section.is_null()) ACCEL_CHECK(result.add(section, what, 0));
  return result;
}

Status PreTokenizer::add(const nlohmann::json& section, std::string_view what, std::size_t depth) {
  ACCEL_TRY(const std::string type, text_field(section, "type", "", what));
  if (depth > kMaxNesting || steps_.size() > kMaxSteps) {
    return fail(Errc::resource_exhausted, "{}: the pre-tokenizer has too many parts.", what);
  }
  if (type == "Sequence") {
    const nlohmann::json* parts = find_field(section, "pretokenizers");
    if (parts == nullptr || !parts->is_array()) {
      return fail(Errc::corrupt, "{}: a Sequence of pre-tokenizers lists none.", what);
    }
    for (const nlohmann::json& part : *parts) ACCEL_CHECK(add(part, what, depth + 1));
    return {};
  }
  if (type == "Punctuation") {
    ACCEL_TRY(const std::string behavior, text_field(section, "behavior", "Isolated", what));
    if (behavior != "Isolated") {
      return fail(Errc::unsupported, "{}: Punctuation with behavior {} is not implemented.", what,
                  behavior);
    }
  }
  constexpr std::pair<std::string_view, Step> kPlain[] = {
      {"BertPreTokenizer", Step::bert},
      {"Whitespace", Step::whitespace},
      {"WhitespaceSplit", Step::whitespace_split},
      {"Punctuation", Step::punctuation}};
  for (const auto& [name, step] : kPlain) {
    if (type != name) continue;
    steps_.push_back(step);
    return {};
  }
  return fail(Errc::unsupported,
              "{}: the pre-tokenizer {} is not implemented; BertPreTokenizer, Whitespace, "
              "WhitespaceSplit, Punctuation and Sequence are.",
              what, type.empty() ? "without a type" : type);
}

bool PreTokenizer::splits_at_space() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](Step step) { return step != Step::punctuation; });
}

void PreTokenizer::split(std::string_view text, std::vector<std::string_view>& words) const {
  static const std::array<Rule, 4> kRules{Rule(bert_class), Rule(whitespace_class),
                                          Rule(whitespace_split_class), Rule(punctuation_class)};
  const auto rule_of = [](Step step) -> const Rule& {
    return kRules[static_cast<std::size_t>(step)];
  };
  if (steps_.empty()) {
    if (!text.empty()) words.push_back(text);
    return;
  }
  if (steps_.size() == 1) return split_by(rule_of(steps_.front()), text, words);
  std::vector<std::string_view> pieces{text};
  for (const Step step : steps_) {
    std::vector<std::string_view> next;
    for (const std::string_view piece : pieces) split_by(rule_of(step), piece, next);
    pieces = std::move(next);
  }
  words.insert(words.end(), pieces.begin(), pieces.end());
}

}  // namespace accel::models
