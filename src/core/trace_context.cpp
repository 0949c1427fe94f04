// SPDX-License-Identifier: Apache-2.0
// What of a trace travels in headers: W3C Trace Context, sections 3.2 (traceparent) and 3.3
// (tracestate).
#include <algorithm>

#include "accel/core/trace.hpp"

namespace accel::trace {
namespace {

constexpr std::size_t kTraceparentBytes = 55;  // "00-", 32, "-", 16, "-", 2
constexpr std::size_t kMaxKeyBytes = 256;
constexpr std::size_t kMaxValueBytes = 256;
constexpr std::string_view kHexDigits = "0123456789abcdef";

// Lower case alone. False: no hex.
template <std::size_t kSize>
bool read_hex(std::string_view text, std::array<std::uint8_t, kSize>& out) {
  for (std::size_t i = 0; i < kSize; ++i) {
    const std::size_t high = kHexDigits.find(text[2 * i]);
    const std::size_t low = kHexDigits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

template <std::size_t kSize>
bool is_zero(const std::array<std::uint8_t, kSize>& id) {
  return std::ranges::all_of(id, [](std::uint8_t byte) { return byte == 0; });
}

template <std::size_t kSize>
std::string hex_of(const std::array<std::uint8_t, kSize>& id) {
  std::string text;
  text.reserve(2 * kSize);
  for (const std::uint8_t byte : id) {
    text += kHexDigits[byte >> 4U];
    text += kHexDigits[byte & 15U];
  }
  return text;
}

bool is_key_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  return letter || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
}

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > kMaxKeyBytes) return false;
  const char first = key.front();
  const bool starts = (first >= 'a' && first <= 'z') || (first >= '0' && first <= '9');
  return starts && std::ranges::all_of(key, is_key_character) && std::ranges::count(key, '@') <= 1;
}

bool is_value(std::string_view value) {
  if (value.empty() || value.size() > kMaxValueBytes || value.back() == ' ') return false;
  return std::ranges::all_of(value,
                             [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

std::string_view without_blanks(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string SpanContext::trace_id_hex() const { return hex_of(trace_id); }
std::string SpanContext::span_id_hex() const { return hex_of(span_id); }

std::optional<SpanContext> parse_traceparent(std::string_view text) {
  if (text.size() < kTraceparentBytes) return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{}, flags{};
  SpanContext context;
  const bool read = read_hex(text, version) && read_hex(text.substr(3), context.trace_id) &&
                    read_hex(text.substr(36), context.span_id) && read_hex(text.substr(53), flags);
  if (!read || version[0] == 0xff) return std::nullopt;
  const std::string_view more = text.substr(kTraceparentBytes);
  if (version[0] == 0 && !more.empty()) return std::nullopt;
  if (!more.empty() && more.front() != '-') return std::nullopt;
  if (is_zero(context.trace_id) || is_zero(context.span_id)) return std::nullopt;
  context.sampled = (flags[0] & 1U) != 0;
  return context;
}

std::string traceparent_of(const SpanContext& context) {
  return fmt::format("00-{}-{}-{}", context.trace_id_hex(), context.span_id_hex(),
                     context.sampled ? "01" : "00");
}

std::string checked_tracestate(std::string_view text) {
  text = without_blanks(text);
  if (text.size() > kMaxTracestateBytes) return {};
  std::vector<std::string_view> keys;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view member = without_blanks(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (member.empty()) continue;  // Allowed.
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos) return {};
    const std::string_view key = member.substr(0, equals);
    if (!is_key(key) || !is_value(member.substr(equals + 1))) return {};
    if (std::ranges::find(keys, key) != keys.end()) return {};
    keys.push_back(key);
    if (keys.size() > kMaxTracestateMembers) return {};
  }
  return keys.empty() ? std::string() : std::string(text);
}

}  // namespace accel::trace
