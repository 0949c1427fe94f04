// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/text_pattern.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

struct Character {
  char32_t code = 0;
  Category category = Category::other;
  std::size_t end = 0;  // Behind it.
};

Character read(std::string_view text, std::size_t at) {
  Character c;
  c.code = next_code_point(text, at);
  c.category = category_of(c.code);
  c.end = at;
  return c;
}

bool is_newline(char32_t c) { return c == '\r' || c == '\n'; }
bool letter(const Character& c) { return is_letter(c.category); }
bool number(const Character& c) { return c.category == Category::number; }
bool mark(const Character& c) { return c.category == Category::mark; }
bool letter_or_mark(const Character& c) { return letter(c) || mark(c); }
bool space(const Character& c) { return is_space(c.code); }
bool newline(const Character& c) { return is_newline(c.code); }
bool newline_or_slash(const Character& c) { return is_newline(c.code) || c.code == '/'; }
bool other(const Character& c) { return !letter(c) && !number(c) && !space(c); }
bool other_unmarked(const Character& c) { return other(c) && !mark(c); }
bool sign(const Character& c) {
  return c.category == Category::punctuation || c.category == Category::symbol;
}
// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and [\p{Ll}\p{Lm}\p{Lo}\p{M}]
bool upperish(const Character& c) { return letter_or_mark(c) && c.category != Category::lower; }
bool lowerish(const Character& c) { return letter_or_mark(c) && c.category != Category::upper; }

using Class = bool (*)(const Character&);

// Behind the characters of a class from `at` on.
template <Class In>
std::size_t run(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const Character c = read(text, at);
    if (!In(c)) break;
    at = c.end;
  }
  return at;
}

// " ?[class]+"
template <Class In>
std::size_t spaced(std::string_view text, std::size_t at) {
  const std::size_t begin = text[at] == ' ' ? at + 1 : at;
  const std::size_t end = run<In>(text, begin);
  return end > begin ? end : at;
}

// "[class]+"
template <Class In>
std::size_t some(std::string_view text, std::size_t at) {
  return run<In>(text, at);
}

// "\p{N}{1,most}"
template <std::size_t Most>
std::size_t numbers(std::string_view text, std::size_t at) {
  for (std::size_t count = 0; count < Most && at < text.size(); ++count) {
    const Character c = read(text, at);
    if (!number(c)) break;
    at = c.end;
  }
  return at;
}

// 's|'t|'re|'ve|'m|'ll|'d; with `folded` also in upper case, and U+017F, which folds to s.
std::size_t contraction(std::string_view text, std::size_t at, bool folded) {
  if (text[at] != '\'') return at;
  const auto letter_at = [&](std::size_t place) {
    if (place >= text.size()) return '\0';
    const char c = text[place];
    return folded && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char first = letter_at(at + 1);
  const char second = letter_at(at + 2);
  if (first == 's' || first == 't') return at + 2;
  if ((first == 'r' || first == 'v') && second == 'e') return at + 3;
  if (first == 'm') return at + 2;
  if (first == 'l' && second == 'l') return at + 3;
  if (first == 'd') return at + 2;
  return folded && text.substr(at + 1, 2) == "\xC5\xBF" ? at + 3 : at;
}
std::size_t exact_contraction(std::string_view text, std::size_t at) {
  return contraction(text, at, false);
}
std::size_t folded_contraction(std::string_view text, std::size_t at) {
  return contraction(text, at, true);
}

// "\s+(?!\S)|\s+": all white space, but for its last character where a word follows.
std::size_t spaces(std::string_view text, std::size_t at) {
  std::size_t last = at;
  std::size_t end = at;
  while (end < text.size()) {
    const Character c = read(text, end);
    if (!space(c)) break;
    last = end;
    end = c.end;
  }
  return end < text.size() && last > at ? last : end;
}

// "\s*[\r\n]+"
std::size_t lines(std::string_view text, std::size_t at) {
  std::size_t last = at;
  for (std::size_t end = at; end < text.size();) {
    const Character c = read(text, end);
    if (!space(c)) break;
    end = c.end;
    if (is_newline(c.code)) last = end;
  }
  return last;
}

// "[^\r\n\p{L}\p{N}]?" in front of letters.
bool may_lead(const Character& c) { return !is_newline(c.code) && !letter(c) && !number(c); }

// "[^\r\n\p{L}\p{N}]?[class]+"
template <Class In, Class Lead = may_lead>
std::size_t led(std::string_view text, std::size_t at) {
  const Character first = read(text, at);
  if (Lead(first)) {
    const std::size_t end = run<In>(text, first.end);
    if (end > first.end) return end;
  }
  return run<In>(text, at);
}

// " ?[class]+[tail]*"
template <Class In, Class Tail>
std::size_t spaced_with(std::string_view text, std::size_t at) {
  const std::size_t end = spaced<In>(text, at);
  return end > at ? run<Tail>(text, end) : at;
}

// "[upperish]*[lowerish]+": where the first takes all, it gives back down to the last character
// that the second may be.
std::size_t upper_then_lower(std::string_view text, std::size_t at) {
  std::size_t given_back = at;
  std::size_t end = at;
  while (end < text.size()) {
    const Character c = read(text, end);
    if (!upperish(c)) break;
    end = c.end;
    if (lowerish(c)) given_back = end;
  }
  const std::size_t lower = run<lowerish>(text, end);
  return lower > end ? lower : given_back;
}

// "[upperish]+[lowerish]*"
std::size_t uppers_and_lower(std::string_view text, std::size_t at) {
  const std::size_t end = run<upperish>(text, at);
  return end > at ? run<lowerish>(text, end) : at;
}

// The two alternatives for words of o200k, each with or without a leading character.
std::size_t cased_word(std::string_view text, std::size_t at) {
  const Character first = read(text, at);
  for (const auto word : {upper_then_lower, uppers_and_lower}) {
    if (may_lead(first)) {
      const std::size_t end = word(text, first.end);
      if (end > first.end) return end;
    }
    const std::size_t end = word(text, at);
    if (end > at) return end;
  }
  return at;
}
std::size_t cased_word_contracted(std::string_view text, std::size_t at) {
  const std::size_t end = cased_word(text, at);
  return end > at && end < text.size() ? folded_contraction(text, end) : end;
}

template <std::size_t (*... Alternatives)(std::string_view, std::size_t)>
std::size_t first_of(std::string_view text, std::size_t at) {
  std::size_t end = at;
  ((end = Alternatives(text, at), end > at) || ...);
  return end;
}

// DeepSeek's: one sign in front of Latin letters; and what may lead other letters.
std::size_t signed_latin(std::string_view text, std::size_t at) {
  const auto latin = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte >= 0x80 || !sign(read(text, at))) return at;
  std::size_t end = at + 1;
  while (end < text.size() && latin(text[end])) ++end;
  return end > at + 1 ? end : at;
}
bool may_lead_deepseek(const Character& c) { return !is_newline(c.code) && !letter(c) && !sign(c); }
bool chinese_or_kana(const Character& c) {
  return (c.code >= 0x4E00 && c.code <= 0x9FA5) || (c.code >= 0x3040 && c.code <= 0x30FF);
}

std::size_t clip_special(std::string_view text, std::size_t at) {
  for (const std::string_view name : {"<|startoftext|>", "<|endoftext|>"}) {
    if (text.substr(at).starts_with(name)) return at + name.size();
  }
  return at;
}

std::size_t double_spaces(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && text[end] == ' ') ++end;
  return end - at >= 2 ? end : at;
}

constexpr std::size_t kShown = 500;  // Bytes of an expression in a message.

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

}  // namespace

const TextPattern::Known TextPattern::kKnown[] = {
    {kGpt2, first_of<exact_contraction, spaced<letter>, spaced<number>, spaced<other>, spaces>},
    // cl100k_base (GPT-4), Llama 3
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
     R"(\s*[\r\n]+|\s+(?!\S)|\s+)",
     first_of<folded_contraction, led<letter>, numbers<3>, spaced_with<other, newline>, lines,
              spaces>},
    // Qwen 2 and 3
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
     R"(\s*[\r\n]+|\s+(?!\S)|\s+)",
     first_of<folded_contraction, led<letter>, numbers<1>, spaced_with<other, newline>, lines,
              spaces>},
    // Qwen 3.5
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
     R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     first_of<folded_contraction, led<letter_or_mark>, numbers<1>,
              spaced_with<other_unmarked, newline>, lines, spaces>},
    // o200k_base (GPT-4o)
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|)"
     R"(\s+(?!\S)|\s+)",
     first_of<cased_word_contracted, numbers<3>, spaced_with<other, newline_or_slash>, lines,
              spaces>},
    // Mistral's tekken
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|)"
     R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     first_of<cased_word, numbers<1>, spaced_with<other, newline_or_slash>, lines, spaces>},
    // CLIP
    {R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|)"
     R"([^\s\p{L}\p{N}]+)",
     first_of<clip_special, exact_contraction, some<letter>, numbers<1>, some<other>>},
    // DeepSeek 3, three of them in a row
    {R"(\p{N}{1,3})", numbers<3>},
    {"[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+", some<chinese_or_kana>},
    {"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
     "[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|"
     "\\s+(?!\\S)|\\s+",
     first_of<signed_latin, led<letter_or_mark, may_lead_deepseek>, spaced_with<sign, newline>,
              lines, spaces>},
    {R"(\p{N})", numbers<1>},
    {R"(\s+)", some<space>},
    {" {2,}", double_spaces},
};

Result<TextPattern> TextPattern::from_json(const nlohmann::json& pattern, std::string_view what) {
  TextPattern result;
  ACCEL_TRY(result.literal_, text_field(pattern, "String", "", what));
  if (!result.literal_.empty()) return result;
  ACCEL_TRY(const std::string expression, text_field(pattern, "Regex", "", what));
  for (const Known& known : kKnown) {
    if (known.expression != expression) continue;
    result.match_ = known.match;
    return result;
  }
  if (expression.empty()) return fail(Errc::corrupt, "{}: a pattern is empty.", what);
  return fail(Errc::unsupported, "{}: the regular expression {} is not implemented.", what,
              expression.substr(0, kShown));
}

TextPattern TextPattern::gpt2() {
  TextPattern result;
  result.match_ = std::begin(kKnown)->match;
  return result;
}

TextPattern::Match TextPattern::find(std::string_view text, std::size_t from) const {
  if (match_ == nullptr) {
    const std::size_t at = text.find(literal_, from);
    if (at == std::string_view::npos) return {text.size(), text.size()};
    return {at, at + literal_.size()};
  }
  for (std::size_t at = from; at < text.size(); next_code_point(text, at)) {
    const std::size_t end = match_(text, at);
    if (end > at) return {at, end};
  }
  return {text.size(), text.size()};
}

}  // namespace accel::models
