// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pre_tokenizer.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "json_fields.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kMaxNesting = 8;
constexpr std::size_t kMaxSteps = 64;

enum class Place : std::uint8_t { inside, alone, dropped };
// What a character is to a step, and for Whitespace also which of its two sorts of words it is in.
struct Class {
  Place kind;
  bool word;
};

Class bert_class(char32_t c) {
  if (is_space(c)) return {Place::dropped, false};
  return {is_punctuation(c) ? Place::alone : Place::inside, false};
}
Class whitespace_class(char32_t c) {  // \w+|[^\w\s]+
  if (is_space(c)) return {Place::dropped, false};
  return {Place::inside, is_word(c)};
}
Class whitespace_split_class(char32_t c) {
  return {is_space(c) ? Place::dropped : Place::inside, false};
}
Class punctuation_class(char32_t c) {
  return {is_punctuation(c) ? Place::alone : Place::inside, false};
}
Class digits_class(char32_t c) { return {is_numeric(c) ? Place::alone : Place::inside, false}; }
Class digit_runs_class(char32_t c) { return {Place::inside, is_numeric(c)}; }

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
    if (c.kind == Place::inside) {
      if (in_word && c.word != word) finish(begin);
      if (!in_word) start = begin;
      in_word = true;
      word = c.word;
      continue;
    }
    finish(begin);
    if (c.kind == Place::alone) words.push_back(text.substr(begin, at - begin));
  }
  finish(text.size());
}

const Rule& rule_of(Classify classify) {
  static const std::array kRules{
      Rule(bert_class),        Rule(whitespace_class), Rule(whitespace_split_class),
      Rule(punctuation_class), Rule(digits_class),     Rule(digit_runs_class)};
  return *std::find_if(kRules.begin(), kRules.end(),
                       [classify](const Rule& rule) { return rule.classify == classify; });
}

// A part of a text that a pattern matched, or that lies between two.
struct Span {
  std::size_t begin;
  std::size_t end;
  bool matched;
};

std::vector<Span> spans_of(const TextPattern& pattern, std::string_view text) {
  std::vector<Span> spans;
  for (std::size_t at = 0; at < text.size();) {
    const TextPattern::Match match = pattern.find(text, at);
    if (match.begin > at) spans.push_back({at, match.begin, false});
    if (match.end > match.begin) spans.push_back({match.begin, match.end, true});
    at = match.end;
  }
  return spans;
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
  if (type != "Sequence") return add_named(type, section, what);
  const nlohmann::json* parts = find_field(section, "pretokenizers");
  if (parts == nullptr || !parts->is_array()) {
    return fail(Errc::corrupt, "{}: a Sequence of pre-tokenizers lists none.", what);
  }
  for (const nlohmann::json& part : *parts) ACCEL_CHECK(add(part, what, depth + 1));
  return {};
}

Status PreTokenizer::add_named(std::string_view type, const nlohmann::json& section,
                               std::string_view what) {
  if (type == "Split") return add_split(section, what);
  if (type == "ByteLevel") return add_byte_level(section, what);
  if (type == "Metaspace") return add_metaspace(section, what);
  if (type == "Digits") {
    ACCEL_TRY(const bool apart, bool_field(section, "individual_digits", false, what));
    Step step{Kind::digits};
    step.behavior = apart ? Behavior::isolated : Behavior::contiguous;
    steps_.push_back(std::move(step));
    return {};
  }
  if (type == "Punctuation") {
    ACCEL_TRY(const std::string behavior, text_field(section, "behavior", "Isolated", what));
    if (behavior != "Isolated") {
      return fail(Errc::unsupported, "{}: Punctuation with behavior {} is not implemented.", what,
                  behavior);
    }
  }
  constexpr std::pair<std::string_view, Kind> kPlain[] = {
      {"BertPreTokenizer", Kind::bert},
      {"Whitespace", Kind::whitespace},
      {"WhitespaceSplit", Kind::whitespace_split},
      {"Punctuation", Kind::punctuation}};
  for (const auto& [name, kind] : kPlain) {
    if (type != name) continue;
    steps_.push_back({kind});
    return {};
  }
  return fail(Errc::unsupported,
              "{}: the pre-tokenizer {} is not implemented; BertPreTokenizer, Whitespace, "
              "WhitespaceSplit, Punctuation, Digits, Split, ByteLevel, Metaspace and Sequence are.",
              what, type.empty() ? "without a type" : type);
}

Status PreTokenizer::add_split(const nlohmann::json& section, std::string_view what) {
  constexpr std::pair<std::string_view, Behavior> kBehaviors[] = {
      {"Removed", Behavior::removed},
      {"Isolated", Behavior::isolated},
      {"MergedWithPrevious", Behavior::with_previous},
      {"MergedWithNext", Behavior::with_next},
      {"Contiguous", Behavior::contiguous}};
  Step step{Kind::pattern};
  const nlohmann::json* pattern = find_field(section, "pattern");
  ACCEL_TRY(step.pattern, TextPattern::from_json(pattern == nullptr ? section : *pattern, what));
  ACCEL_TRY(step.inverted, bool_field(section, "invert", false, what));
  ACCEL_TRY(const std::string behavior, text_field(section, "behavior", "", what));
  const auto* const known =
      std::find_if(std::begin(kBehaviors), std::end(kBehaviors),
                   [&](const auto& entry) { return entry.first == behavior; });
  if (known == std::end(kBehaviors)) {
    return fail(Errc::unsupported, "{}: Split with behavior {} is not implemented.", what,
                behavior.empty() ? "missing" : behavior);
  }
  step.behavior = known->second;
  steps_.push_back(std::move(step));
  return {};
}

Status PreTokenizer::add_byte_level(const nlohmann::json& section, std::string_view what) {
  ACCEL_TRY(const bool prefix, bool_field(section, "add_prefix_space", true, what));
  ACCEL_TRY(const bool splits, bool_field(section, "use_regex", true, what));
  if (prefix) steps_.push_back({Kind::prefix_space});
  if (splits) {
    Step step{Kind::pattern};
    step.pattern = TextPattern::gpt2();
    steps_.push_back(std::move(step));
  }
  steps_.push_back({Kind::bytes});
  return {};
}

Status PreTokenizer::add_metaspace(const nlohmann::json& section, std::string_view what) {
  Step step{Kind::metaspace};
  ACCEL_TRY(step.replacement, text_field(section, "replacement", "", what));
  std::size_t behind = 0;
  if (!step.replacement.empty()) next_code_point(step.replacement, behind);
  if (behind == 0 || behind != step.replacement.size()) {
    return fail(Errc::corrupt, "{}: Metaspace's replacement must be one character.", what);
  }
  const nlohmann::json pattern{{"String", step.replacement}};
  ACCEL_TRY(step.pattern, TextPattern::from_json(pattern, what));
  ACCEL_TRY(step.splits, bool_field(section, "split", true, what));
  ACCEL_TRY(const bool prefix, bool_field(section, "add_prefix_space", true, what));
  ACCEL_TRY(const std::string scheme,
            text_field(section, "prepend_scheme", prefix ? "always" : "never", what));
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    return fail(Errc::unsupported, "{}: Metaspace with prepend_scheme {} is not implemented.", what,
                scheme);
  }
  if (!prefix && scheme != "never") {
    return fail(Errc::corrupt, "{}: Metaspace's add_prefix_space and prepend_scheme contradict.",
                what);
  }
  step.behavior = Behavior::with_next;
  step.prepend = scheme == "always"  ? Prepend::always
                 : scheme == "first" ? Prepend::first
                                     : Prepend::never;
  steps_.push_back(std::move(step));
  return {};
}

bool PreTokenizer::splits_at_space() const {
  const auto cuts = [](const Step& step) {
    return step.kind == Kind::bert || step.kind == Kind::whitespace ||
           step.kind == Kind::whitespace_split || (step.kind == Kind::metaspace && step.splits) ||
           (step.kind == Kind::pattern && step.pattern.stops_at_space());
  };
  // A plain string may hold a space in its midst.
  const auto crosses = [](const Step& step) {
    return step.kind == Kind::pattern && !step.pattern.stops_at_space();
  };
  return std::any_of(steps_.begin(), steps_.end(), cuts) &&
         std::none_of(steps_.begin(), steps_.end(), crosses);
}

bool PreTokenizer::rewrites() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return step.kind >= Kind::prefix_space; });
}

// Spec: tokenizers' SplitDelimiterBehavior.
void PreTokenizer::split_pattern(const Step& step, std::string_view text,
                                 std::vector<std::string_view>& words) {
  if (!step.inverted && step.behavior == Behavior::isolated) {
    for (std::size_t at = 0; at < text.size();) {
      const TextPattern::Match match = step.pattern.find(text, at);
      if (match.begin > at) words.push_back(text.substr(at, match.begin - at));
      if (match.end > match.begin)
        words.push_back(text.substr(match.begin, match.end - match.begin));
      at = match.end;
    }
    return;
  }
  const std::vector<Span> spans = spans_of(step.pattern, text);
  const std::size_t first = words.size();
  bool before = false;  // Whether what was seen last is a delimiter.
  const auto join = [&](std::string_view piece) {
    std::string_view& word = words.back();
    const char* const begin = std::min(word.data(), piece.data());
    word = {begin, word.size() + piece.size()};
  };
  const auto add = [&](const Span& span) {
    const std::string_view piece = text.substr(span.begin, span.end - span.begin);
    const bool delimiter = span.matched != step.inverted;
    const bool joins = step.behavior == Behavior::contiguous ? delimiter == before
                       : step.behavior == Behavior::isolated ? false
                                                             : delimiter && !before;
    if (step.behavior == Behavior::removed) {
      if (!delimiter) words.push_back(piece);
    } else if (joins && words.size() > first) {
      join(piece);
    } else {
      words.push_back(piece);
    }
    before = delimiter;
  };
  if (step.behavior != Behavior::with_next) {
    for (const Span& span : spans) add(span);
    return;
  }
  std::for_each(spans.rbegin(), spans.rend(), add);
  std::reverse(words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
}

void PreTokenizer::apply(const Step& step, std::string_view text,
                         std::vector<std::string_view>& words) {
  switch (step.kind) {
    case Kind::bert:
      return split_by(rule_of(bert_class), text, words);
    case Kind::whitespace:
      return split_by(rule_of(whitespace_class), text, words);
    case Kind::whitespace_split:
      return split_by(rule_of(whitespace_split_class), text, words);
    case Kind::punctuation:
      return split_by(rule_of(punctuation_class), text, words);
    case Kind::digits:
      return split_by(
          rule_of(step.behavior == Behavior::isolated ? digits_class : digit_runs_class), text,
          words);
    case Kind::pattern:
    case Kind::metaspace:
      return split_pattern(step, text, words);
    case Kind::prefix_space:
    case Kind::bytes:
      break;
  }
  words.push_back(text);
}

void PreTokenizer::rewrite(const Step& step, const std::vector<std::string_view>& pieces,
                           bool at_start, std::string& written,
                           std::vector<std::string_view>& words) {
  std::size_t bytes = 0;
  for (const std::string_view piece : pieces) bytes += piece.size() + 1;
  // Words borrow from it: it must not grow while they are made.
  written.clear();
  written.reserve(bytes * std::max<std::size_t>(2, step.replacement.size()));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::string_view piece = pieces[i];
    const std::size_t begin = written.size();
    if (step.kind == Kind::bytes) {
      append_byte_characters(piece, written);
    } else if (step.kind == Kind::prefix_space) {
      if (!piece.starts_with(' ')) written.push_back(' ');
      written.append(piece);
    } else {
      const bool prepends =
          step.prepend == Prepend::always || (step.prepend == Prepend::first && at_start && i == 0);
      if (prepends && !piece.starts_with(' ') && !piece.starts_with(step.replacement)) {
        written.append(step.replacement);
      }
      for (const char c : piece) {
        if (c == ' ') {
          written.append(step.replacement);
        } else {
          written.push_back(c);
        }
      }
    }
    const std::string_view word = std::string_view(written).substr(begin);
    step.kind == Kind::metaspace&& step.splits ? split_pattern(step, word, words)
                                               : words.push_back(word);
  }
}

void PreTokenizer::split(std::string_view text, bool at_start, Scratch& scratch,
                         std::vector<std::string_view>& words) const {
  words.clear();
  if (text.empty()) return;
  words.push_back(text);
  scratch.written.resize(steps_.size());
  for (std::size_t i = 0; i < steps_.size() && !words.empty(); ++i) {
    const Step& step = steps_[i];
    scratch.pieces.swap(words);
    words.clear();
    if (step.kind >= Kind::prefix_space) {
      rewrite(step, scratch.pieces, at_start, scratch.written[i], words);
      continue;
    }
    const char* const begin = scratch.pieces.front().data();
    for (const std::string_view piece : scratch.pieces) apply(step, piece, words);
    at_start = at_start && !words.empty() && words.front().data() == begin;
  }
}

void PreTokenizer::split_only(std::string_view text, std::vector<std::string_view>& words) const {
  std::vector<std::string_view> pieces{text};
  for (const Step& step : steps_) {
    std::vector<std::string_view> next;
    for (const std::string_view piece : pieces) {
      if (step.kind != Kind::metaspace) {
        apply(step, piece, next);
      } else {
        split_by(rule_of(whitespace_split_class), piece, next);
      }
    }
    pieces = std::move(next);
  }
  for (const std::string_view piece : pieces) {
    if (!piece.empty()) words.push_back(piece);
  }
}

}  // namespace accel::models
