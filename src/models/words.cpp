// SPDX-License-Identifier: Apache-2.0
#include "words.hpp"

#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

std::vector<Word> words_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<Word> words;
  for (const std::string_view word : tokenizer.words(text)) {
    const auto begin = static_cast<std::size_t>(word.data() - text.data());
    words.push_back({begin, begin + word.size()});
  }
  return words;
}

std::vector<Word> spaced_words(std::string_view text) {
  std::vector<Word> words;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const bool space = is_space(next_code_point(text, at));
    if (!space && !inside) words.push_back({begin, at});
    if (!space) words.back().end = at;
    inside = !space;
  }
  return words;
}

// Byte-level words have their space in front, which is no part of them for people.
std::size_t skip_space(std::string_view text, std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end;) {
    const std::size_t here = at;
    if (!is_space(next_code_point(text, at))) return here;
  }
  return begin;
}

constexpr EncodeOptions kBare{EncodeOptions::kUnlimited, false};

WordTokens encode_words(const Tokenizer& tokenizer, std::string_view text,
                        std::vector<Word> words) {
  WordTokens tokens;
  for (std::uint32_t i = 0; i < words.size(); ++i) {
    const auto [begin, end] = words[i];
    const Encoding encoding = tokenizer.encode(text.substr(begin, end - begin), kBare);
    tokens.ids.insert(tokens.ids.end(), encoding.ids.begin(), encoding.ids.end());
    tokens.word_of.resize(tokens.ids.size(), i);
    words[i].begin = skip_space(text, begin, end);
  }
  tokens.words = std::move(words);
  return tokens;
}

}  // namespace

WordTokens split_words(const Tokenizer& tokenizer, std::string_view text) {
  const Encoding whole = tokenizer.encode(text, kBare);
  WordTokens tokens = encode_words(tokenizer, text, words_of(tokenizer, text));
  if (tokens.ids == whole.ids) return tokens;
  tokens = encode_words(tokenizer, text, spaced_words(text));
  if (tokens.ids == whole.ids) return tokens;
  return {{{0, text.size()}}, whole.ids, std::vector<std::uint32_t>(whole.ids.size(), 0)};
}

}  // namespace accel::models
