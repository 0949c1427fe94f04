// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/byte_level_words.hpp"

#include <nlohmann/json.hpp>

#include "accel/models/tokenizer.hpp"
#include "json_fields.hpp"
#include "json_scanner.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary.hpp"

namespace accel::models {
namespace {

constexpr std::int32_t kMaxTokenId = 4'000'000;
constexpr std::size_t kMaxAdded = 100'000;
constexpr unsigned kLengthBits = 16;  // Tokens are shorter: Vocabulary's limit.

// A token that has another character is one that was added as it is: its own UTF-8.
std::string bytes_of(std::string_view token) {
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const char32_t c = next_code_point(token, at);
    const auto byte = byte_of_character(c);
    if (!byte) return std::string(token);
    bytes.push_back(static_cast<char>(*byte));
  }
  return bytes;
}

struct Parts {
  Vocabulary vocabulary;
  nlohmann::json added = nlohmann::json::array();
};

Status read_model(JsonScanner& scanner, Parts& parts, std::string_view what) {
  std::string type;
  bool has_vocabulary = false;
  std::string_view key, raw;
  if (scanner.begin_object()) {
    while (scanner.next_key(key)) {
      if (key == "vocab" && scanner.peek() == '{') {
        ACCEL_TRY(parts.vocabulary, Vocabulary::read(scanner, what));
        has_vocabulary = true;
      } else if (key == "type" && scanner.peek() == '"') {
        if (scanner.read_string(raw)) type = raw;
      } else {
        scanner.skip_value(raw);
      }
    }
  }
  ACCEL_CHECK(scanner.status(what));
  if (has_vocabulary && (type == "BPE" || type.empty())) return {};
  return fail(Errc::unsupported, "{}: the model {} is not implemented here; byte-level BPE is.",
              what, type.empty() ? "without a vocabulary" : type);
}

Result<Parts> read_parts(std::string_view text, std::string_view what) {
  Parts parts;
  bool has_model = false;
  JsonScanner scanner(text);
  std::string_view key, raw;
  if (scanner.begin_object()) {
    while (scanner.next_key(key)) {
      const std::string name(key);
      if (name == "model" && scanner.peek() == '{') {
        ACCEL_CHECK(read_model(scanner, parts, what));
        has_model = true;
      } else if (!scanner.skip_value(raw)) {
        break;
      } else if (name == "added_tokens") {
        ACCEL_TRY(parts.added, parse_json(raw, what));
      }
    }
  }
  ACCEL_CHECK(scanner.status(what));
  if (has_model) return parts;
  return fail(Errc::corrupt, "{} has no model.", what);
}

}  // namespace

Result<ByteLevelWords> ByteLevelWords::read(std::string_view text, std::string_view what) {
  if (text.size() > kMaxTokenizerBytes) {
    return fail(Errc::resource_exhausted, "{} has {} bytes; {} are read at most.", what,
                text.size(), kMaxTokenizerBytes);
  }
  ACCEL_TRY(const Parts parts, read_parts(text, what));
  ByteLevelWords words;
  std::int32_t highest = -1;
  parts.vocabulary.each(
      [&](std::string_view, std::int32_t id) { highest = std::max(highest, id); });
  if (highest > kMaxTokenId)
    return fail(Errc::resource_exhausted, "{} has the id {}; {} is the highest that is read.", what,
                highest, kMaxTokenId);
  words.places_.assign(static_cast<std::size_t>(highest + 1), 0);
  parts.vocabulary.each([&](std::string_view token, std::int32_t id) {
    const std::string bytes = bytes_of(token);
    words.places_[static_cast<std::size_t>(id)] = words.arena_.size() << kLengthBits | bytes.size();
    words.arena_ += bytes;
  });
  if (!parts.added.is_array() || parts.added.size() > kMaxAdded)
    return fail(Errc::corrupt, "{}: added_tokens must be a list of up to {}.", what, kMaxAdded);
  for (const nlohmann::json& token : parts.added) {
    ACCEL_TRY(const std::string content, text_field(token, "content", "", what));
    ACCEL_TRY(const auto id, count_field(token, "id", what));
    if (!id || *id > static_cast<std::uint64_t>(kMaxTokenId))
      return fail(Errc::corrupt, "{}: the added token {} has no id that can be.", what, content);
    words.specials_[content] = static_cast<std::int32_t>(*id);
    if (*id < words.places_.size()) words.places_[*id] = 0;
  }
  return words;
}

std::string ByteLevelWords::bytes(std::span<const std::int32_t> ids) const {
  constexpr std::uint64_t kLengthMask = (std::uint64_t{1} << kLengthBits) - 1;
  std::string bytes;
  for (const std::int32_t id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= places_.size()) continue;
    const std::uint64_t place = places_[static_cast<std::size_t>(id)];
    bytes.append(arena_, place >> kLengthBits, place & kLengthMask);
  }
  return bytes;
}

std::string ByteLevelWords::text(std::span<const std::int32_t> ids) const {
  const std::string raw = bytes(ids);
  if (is_utf8(raw)) return raw;
  std::string text;
  for (std::size_t at = 0; at < raw.size();) append_utf8(next_code_point(raw, at), text);
  return text;
}

std::optional<std::int32_t> ByteLevelWords::special(std::string_view content) const {
  const auto found = specials_.find(content);
  return found == specials_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace accel::models
