// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chars_map.hpp"

#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kMaxCluster = 6;  // Bytes; shorter ones are looked up whole.
constexpr std::size_t kMaxRule = 256;   // The longest of SentencePiece's writes 33 bytes.

// A unit of Darts-clone: bit 8 says that a value follows, the low byte and the top bit are the
// label, the rest is the offset to the children; a value is the lower 31 bits.
bool has_value(std::uint32_t unit) { return (unit >> 8U & 1U) == 1; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFFU; }
std::uint32_t label_of(std::uint32_t unit) { return unit & (0x80000000U | 0xFFU); }
std::uint32_t offset_of(std::uint32_t unit) { return unit >> 10U << ((unit & 0x200U) >> 6U); }

int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = sextet(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> static_cast<unsigned>(count)));
  }
  return out;
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8U | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

}  // namespace

Result<CharsMap> CharsMap::from_base64(std::string_view text, std::string_view what) {
  const auto blob = decode_base64(text);
  const std::string_view bytes = blob ? std::string_view(*blob) : std::string_view();
  const std::size_t size = bytes.size() < 4 ? 0 : little_endian(bytes);
  if (size < 4 || size % 4 != 0 || size > bytes.size() - 4) {
    return fail(Errc::corrupt, "{}: the precompiled_charsmap is no table of characters.", what);
  }
  CharsMap map;
  map.units_.reserve(size / 4);
  for (std::size_t at = 4; at < size + 4; at += 4) {
    map.units_.push_back(little_endian(bytes.substr(at, 4)));
  }
  map.replacements_ = bytes.substr(size + 4);
  if (!is_utf8(map.replacements_)) {
    return fail(Errc::corrupt, "{}: the precompiled_charsmap has replacements that are not UTF-8.",
                what);
  }
  for (std::size_t c = 0; c < map.changes_.size(); ++c) {
    const char byte = static_cast<char>(c);
    map.changes_[c] = map.replacement({&byte, 1}).has_value();
  }
  return map;
}

// The shortest rule for a beginning of `part`.
std::optional<std::string_view> CharsMap::replacement(std::string_view part) const {
  std::size_t at = offset_of(units_.front());
  for (const char c : part) {
    const auto byte = static_cast<std::uint8_t>(c);
    at ^= byte;
    if (byte == 0 || at >= units_.size() || label_of(units_[at]) != byte) return std::nullopt;
    const bool found = has_value(units_[at]);
    at ^= offset_of(units_[at]);
    if (!found) continue;
    if (at >= units_.size()) return std::nullopt;
    const std::size_t begin = value_of(units_[at]);
    if (begin > replacements_.size()) return std::nullopt;
    const auto rest = std::string_view(replacements_).substr(begin, kMaxRule + 1);
    const std::string_view rule = rest.substr(0, rest.find('\0'));
    // A hostile table may point into the midst of a character, or at a long text.
    return rule.size() <= kMaxRule && is_utf8(rule) ? std::optional(rule) : std::nullopt;
  }
  return std::nullopt;
}

void CharsMap::append(std::string_view part, std::string& out) const {
  out.append(replacement(part).value_or(part));
}

void CharsMap::append_cluster(std::string_view cluster, std::string& out) const {
  if (cluster.size() < kMaxCluster) {
    if (const auto rule = replacement(cluster)) {
      out.append(*rule);
      return;
    }
  }
  for (std::size_t at = 0; at < cluster.size();) {
    const std::size_t begin = at;
    next_code_point(cluster, at);
    append(cluster.substr(begin, at - begin), out);
  }
}

void CharsMap::apply(std::string_view text, std::size_t limit, std::string& out) const {
  out.reserve(text.size());
  const auto is_ascii_at = [text](std::size_t at) {
    return at >= text.size() || static_cast<unsigned char>(text[at]) < 0x80;
  };
  for (std::size_t at = 0; at < text.size();) {
    if (out.size() > limit) {
      out.append(text.substr(at));
      return;
    }
    // ASCII in front of ASCII is a cluster of its own, but for a carriage return.
    if (is_ascii_at(at) && is_ascii_at(at + 1) && text[at] != '\r') {
      if (changes_[static_cast<unsigned char>(text[at])]) {
        append(text.substr(at, 1), out);
      } else {
        out.push_back(text[at]);
      }
      ++at;
      continue;
    }
    const std::size_t end = grapheme_end(text, at);
    append_cluster(text.substr(at, end - at), out);
    at = end;
  }
}

}  // namespace accel::models
