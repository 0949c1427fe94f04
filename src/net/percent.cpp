// SPDX-License-Identifier: Apache-2.0
// Percent-coding (RFC 3986 section 2.1), path segments and query values.
#include <algorithm>

#include "accel/net/url.hpp"

namespace accel::net {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// 0 to 15, or -1.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

Status check_segment(std::string_view segment) {
  if (segment == "." || segment == "..") {
    return fail(Errc::invalid_argument, "The path has a segment '{}'; name what you mean.",
                segment);
  }
  if (segment.find('/') != std::string_view::npos || std::ranges::any_of(segment, is_control)) {
    return fail(Errc::invalid_argument,
                "The path has a segment with an encoded '/' or a control character.");
  }
  return {};
}

}  // namespace

std::string percent_encode(std::string_view text, bool keep_slashes) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c) || (keep_slashes && c == '/')) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHexDigits[byte >> 4U];
    out += kHexDigits[byte & 0xFU];
  }
  return out;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return fail(Errc::invalid_argument, "A '%' at byte {} is not followed by two hex digits.", i);
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Result<std::vector<std::string>> split_path(std::string_view encoded_path) {
  std::vector<std::string> segments;
  while (!encoded_path.empty()) {
    const std::size_t end = std::min(encoded_path.find('/'), encoded_path.size());
    const std::string_view raw = encoded_path.substr(0, end);
    encoded_path.remove_prefix(std::min(end + 1, encoded_path.size()));
    if (raw.empty()) continue;
    ACCEL_TRY(std::string segment, percent_decode(raw));
    ACCEL_CHECK(check_segment(segment));
    if (segments.size() == kMaxPathSegments) {
      return fail(Errc::invalid_argument, "The path has more than {} segments.", kMaxPathSegments);
    }
    segments.push_back(std::move(segment));
  }
  return segments;
}

std::optional<std::string> query_value(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals));
    if (!name || *name != key) continue;
    if (equals == std::string_view::npos) return std::string{};
    std::string value(pair.substr(equals + 1));
    std::ranges::replace(value, '+', ' ');
    auto decoded = percent_decode(value);
    if (!decoded) return std::nullopt;
    return std::move(*decoded);
  }
  return std::nullopt;
}

}  // namespace accel::net
