// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/models/tokenizer.hpp"
#include "json_fields.hpp"

namespace accel::models {
namespace {

std::size_t skip_space_back(std::string_view text, std::size_t end, std::size_t from) {
  while (end > from) {
    const char32_t c = code_point_before(text, end);
    if (!is_space(c)) break;
    std::size_t size = 1;
    while (size < end - from && (static_cast<unsigned char>(text[end - size]) & 0xC0U) == 0x80) {
      ++size;
    }
    end -= size;
  }
  return end;
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    std::size_t next = at;
    if (!is_space(next_code_point(text, next))) break;
    at = next;
  }
  return at;
}

Result<AddedToken> read_token(const nlohmann::json& value, std::string_view what) {
  AddedToken token;
  ACCEL_TRY(token.content, text_field(value, "content", "", what));
  ACCEL_TRY(token.single_word, bool_field(value, "single_word", false, what));
  ACCEL_TRY(token.lstrip, bool_field(value, "lstrip", false, what));
  ACCEL_TRY(token.rstrip, bool_field(value, "rstrip", false, what));
  ACCEL_TRY(token.normalized, bool_field(value, "normalized", true, what));
  ACCEL_TRY(token.special, bool_field(value, "special", false, what));
  if (token.content.size() > kMaxTokenBytes) {
    return fail(Errc::resource_exhausted, "{}: an added token has {} bytes; {} are read at most.",
                what, token.content.size(), kMaxTokenBytes);
  }
  return token;
}

}  // namespace

Status TokenMatcher::add(std::string_view pattern, const AddedToken& token) {
  if (pattern.empty()) return {};
  if (nodes_.size() + pattern.size() > kMaxNodes) {
    return fail(Errc::resource_exhausted, "The added tokens need more than {} nodes to be found.",
                kMaxNodes);
  }
  std::uint32_t node = 0;
  for (const char c : pattern) {
    const auto [place, is_new] =
        nodes_[node].next.try_emplace(c, static_cast<std::uint32_t>(nodes_.size()));
    node = place->second;
    if (is_new) nodes_.emplace_back();
  }
  tokens_.push_back(token);
  nodes_[node].token = static_cast<std::uint32_t>(tokens_.size());
  starts_[static_cast<unsigned char>(pattern.front())] = true;
  return {};
}

const AddedToken* TokenMatcher::longest_at(std::string_view text, std::size_t at,
                                           std::size_t& end) const {
  const AddedToken* found = nullptr;
  std::uint32_t node = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    const auto next = nodes_[node].next.find(text[i]);
    if (next == nodes_[node].next.end()) break;
    node = next->second;
    if (nodes_[node].token != 0) {
      found = &tokens_[nodes_[node].token - 1];
      end = i + 1;
    }
  }
  return found;
}

bool TokenMatcher::stands_alone(std::string_view text, std::size_t start, std::size_t end) {
  if (start > 0 && is_word(code_point_before(text, start))) return false;
  return end == text.size() || !is_word(next_code_point(text, end));
}

std::optional<TokenMatcher::Match> TokenMatcher::find(std::string_view text,
                                                      std::size_t from) const {
  for (std::size_t at = from; at < text.size();) {
    std::size_t end = 0;
    const bool may_start = starts_[static_cast<unsigned char>(text[at])];
    const AddedToken* token = may_start ? longest_at(text, at, end) : nullptr;
    if (token == nullptr) {
      ++at;
      continue;
    }
    if (token->single_word && !stands_alone(text, at, end)) {
      at = end;  // Discarded whole, as tokenizers does: nothing is sought inside it.
      continue;
    }
    Match match{at, end, token->id};
    if (token->lstrip) match.start = skip_space_back(text, at, from);
    if (token->rstrip) match.end = skip_space(text, end);
    return match;
  }
  return std::nullopt;
}

Result<AddedTokens> AddedTokens::from_json(const nlohmann::json& section,
                                           const Vocabulary& vocabulary,
                                           const Normalizer& normalizer, std::string_view what) {
  AddedTokens result;
  if (section.is_null()) return result;
  if (!section.is_array() || section.size() > kMaxAddedTokens) {
    return fail(Errc::corrupt, "{}: added_tokens must be a list of at most {} tokens.", what,
                kMaxAddedTokens);
  }
  std::map<std::int32_t, AddedToken> tokens;  // Of equal ids the last one counts.
  auto next_id = static_cast<std::int32_t>(vocabulary.size());
  for (const nlohmann::json& value : section) {
    ACCEL_TRY(AddedToken token, read_token(value, what));
    if (token.content.empty()) continue;
    const auto earlier = result.ids.find(token.content);
    const auto known = vocabulary.find(token.content);
    if (earlier != result.ids.end()) {
      token.id = earlier->second;
    } else {
      token.id = known ? *known : next_id++;
    }
    result.ids[token.content] = token.id;
    tokens[token.id] = std::move(token);
  }
  std::string pattern;
  for (const auto& [id, token] : tokens) {
    result.texts[id] = {token.content, token.special};
    if (token.normalized) normalizer.apply(token.content, pattern);
    ACCEL_CHECK(token.normalized ? result.normalized.add(pattern, token)
                                 : result.raw.add(token.content, token));
  }
  return result;
}

}  // namespace accel::models
