// SPDX-License-Identifier: Apache-2.0
#include "words.hpp"

namespace accel::models {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_mark(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

std::vector<Word> words_of(std::string_view text, bool marks) {
  std::vector<Word> words;
  bool inside = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool mark = marks && is_mark(text[at]);
    if (is_space(text[at]) || mark) inside = false;
    if (is_space(text[at])) continue;
    if (!inside) words.push_back({at, at});
    words.back().end = at + 1;
    inside = !mark;
  }
  return words;
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
  }
  tokens.words = std::move(words);
  return tokens;
}

}  // namespace

WordTokens split_words(const Tokenizer& tokenizer, std::string_view text) {
  const Encoding whole = tokenizer.encode(text, kBare);
  for (const bool marks : {true, false}) {
    WordTokens tokens = encode_words(tokenizer, text, words_of(text, marks));
    if (tokens.ids == whole.ids) return tokens;
  }
  return {{{0, text.size()}}, whole.ids, std::vector<std::uint32_t>(whole.ids.size(), 0)};
}

}  // namespace accel::models
