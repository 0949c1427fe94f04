// SPDX-License-Identifier: Apache-2.0
#include "accel/net/header_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "accel/net/headers.hpp"
#include "accel/net/url.hpp"

namespace accel::net {
namespace {

constexpr std::uint64_t kMaxNumber = std::numeric_limits<std::uint64_t>::max();

// Digits only; a number too large for 64 bits is the largest one, since every file is smaller.
// nullopt for anything else.
std::optional<std::uint64_t> read_number(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc::result_out_of_range ? kMaxNumber : number;
}

// The next item of a comma-separated list; commas inside quotes do not separate.
std::string_view next_item(std::string_view& list) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < list.size(); ++end) {
    if (list[end] == '"') quoted = !quoted;
    if (list[end] == ',' && !quoted) break;
  }
  const std::string_view item = trim_blanks(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  return item;
}

// "bytes=" without case, then the rest.
std::optional<std::string_view> after_unit(std::string_view value, char separator) {
  value = trim_blanks(value);
  const std::size_t at = value.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  if (!equals_ignoring_case(trim_blanks(value.substr(0, at)), "bytes")) return std::nullopt;
  return trim_blanks(value.substr(at + 1));
}

RangeRequest last_bytes(std::uint64_t count, std::uint64_t size) {
  if (count == 0 || size == 0) return {RangeOutcome::unsatisfiable, {}};
  const std::uint64_t length = std::min(count, size);
  return {RangeOutcome::partial, {size - length, length}};
}

std::string_view without_weak_mark(std::string_view etag) {
  return etag.starts_with("W/") ? etag.substr(2) : etag;
}

}  // namespace

RangeRequest resolve_range(std::string_view value, std::uint64_t size_bytes) {
  const auto spec = after_unit(value, '=');
  if (!spec) return {};
  const std::size_t dash = spec->find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view first_text = trim_blanks(spec->substr(0, dash));
  const std::string_view last_text = trim_blanks(spec->substr(dash + 1));
  const auto last = read_number(last_text);
  if (first_text.empty()) return last ? last_bytes(*last, size_bytes) : RangeRequest{};
  const auto first = read_number(first_text);
  if (!first || (!last && !last_text.empty())) return {};
  if (last && *last < *first) return {};
  if (*first >= size_bytes) return {RangeOutcome::unsatisfiable, {}};
  const std::uint64_t end = last ? std::min(*last, size_bytes - 1) : size_bytes - 1;
  return {RangeOutcome::partial, {*first, end - *first + 1}};
}

std::string content_range(const ByteRange& range, std::uint64_t size_bytes) {
  return fmt::format("bytes {}-{}/{}", range.first, range.first + range.length - 1, size_bytes);
}

std::string unsatisfied_content_range(std::uint64_t size_bytes) {
  return fmt::format("bytes */{}", size_bytes);
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  const auto spec = after_unit(value, ' ');
  if (!spec) return std::nullopt;
  const std::size_t dash = spec->find('-');
  const std::size_t slash = spec->find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) {
    return std::nullopt;
  }
  const auto first = read_number(spec->substr(0, dash));
  const auto last = read_number(spec->substr(dash + 1, slash - dash - 1));
  const auto size = read_number(spec->substr(slash + 1));
  const bool size_is_known = spec->substr(slash + 1) != "*";
  if (!first || !last || *last < *first || *last == kMaxNumber) return std::nullopt;
  if (size_is_known && (!size || *last >= *size)) return std::nullopt;
  return ContentRange{{*first, *last - *first + 1}, size_is_known ? size : std::nullopt};
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const std::string_view item = next_item(if_none_match);
    if (item == "*" || without_weak_mark(item) == without_weak_mark(etag)) return true;
  }
  return false;
}

std::string content_disposition(std::string_view disposition, std::string_view filename) {
  std::string fallback;
  for (const char c : filename) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0U) == 0x80;  // A letter of UTF-8.
    if (continues) continue;
    const bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '%';
    fallback += plain ? c : '_';
  }
  std::string out = fmt::format("{}; filename=\"{}\"", disposition, fallback);
  if (fallback != filename) out += "; filename*=UTF-8''" + percent_encode(filename);
  return out;
}

}  // namespace accel::net
