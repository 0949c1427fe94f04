// SPDX-License-Identifier: Apache-2.0
#include "json_scanner.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "accel/models/manifest.hpp"
#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

bool is_json_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool ends_scalar(char c) { return is_json_space(c) || c == ',' || c == ']' || c == '}'; }

}  // namespace

bool JsonScanner::fail_here(std::string_view why) {
  if (!failed_) why_ = why;
  failed_ = true;
  return false;
}

Status JsonScanner::status(std::string_view what) const {
  if (!failed_) return {};
  return fail(Errc::corrupt, "{} is not the JSON it should be: {} at byte {}.", what, why_, at_);
}

void JsonScanner::skip_space() {
  while (at_ < text_.size() && is_json_space(text_[at_])) ++at_;
}

char JsonScanner::peek() {
  if (failed_) return 0;
  skip_space();
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonScanner::expect(char wanted) {
  if (peek() == wanted && wanted != 0) {
    ++at_;
    return true;
  }
  switch (wanted) {
    case '{':
      return fail_here("an object was expected");
    case '[':
      return fail_here("a list was expected");
    case '"':
      return fail_here("a string was expected");
    case ':':
      return fail_here("':' was expected");
    default:
      return fail_here("',' or the end was expected");
  }
}

bool JsonScanner::begin_object() {
  first_member_ = true;
  return expect('{');
}

bool JsonScanner::next_key(std::string_view& key) {
  if (peek() == '}') {
    ++at_;
    first_member_ = false;
    return false;
  }
  if (!first_member_ && !expect(',')) return false;
  first_member_ = false;
  if (!read_string(key)) return false;
  return expect(':');
}

bool JsonScanner::begin_array() {
  first_member_ = true;
  return expect('[');
}

bool JsonScanner::next_element() {
  if (peek() == ']') {
    ++at_;
    first_member_ = false;
    return false;
  }
  if (!first_member_ && !expect(',')) return false;
  first_member_ = false;
  return peek() != 0 || fail_here("a value was expected");
}

bool JsonScanner::read_string(std::string_view& value) {
  if (!expect('"')) return false;
  const std::size_t start = at_;
  bool ascii = true;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') break;
    if (c == '\\') {
      if (!resolve_escapes(start)) return false;
      value = scratch_;
      return is_utf8(value) || fail_here("a string is not UTF-8");
    }
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < 0x20) return fail_here("a control character lies in a string");
    ascii = ascii && byte < 0x80;
  }
  if (at_ >= text_.size()) return fail_here("a string has no end");
  value = text_.substr(start, at_ - start);
  ++at_;
  return ascii || is_utf8(value) || fail_here("a string is not UTF-8");
}

// at_ stands on the first backslash; leaves the whole string in scratch_ and at_ behind the quote.
bool JsonScanner::resolve_escapes(std::size_t start) {
  scratch_.assign(text_.substr(start, at_ - start));
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == '"') return true;
    if (static_cast<std::uint8_t>(c) < 0x20) {
      return fail_here("a control character lies in a string");
    }
    if (c != '\\') {
      scratch_.push_back(c);
    } else if (!append_escape()) {
      return false;
    }
  }
  return fail_here("a string has no end");
}

bool JsonScanner::append_escape() {
  if (at_ >= text_.size()) return fail_here("a string has no end");
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  const char name = text_[at_++];
  if (const auto found = kNames.find(name); found != std::string_view::npos) {
    scratch_.push_back(kValues[found]);
    return true;
  }
  char32_t value = 0;
  if (name != 'u' || !read_hex4(value)) return fail_here("an escape is unknown");
  if (value >= 0xD800 && value < 0xDC00 && text_.substr(at_, 2) == "\\u") {
    at_ += 2;
    char32_t low = 0;
    if (!read_hex4(low) || low < 0xDC00 || low > 0xDFFF) {
      return fail_here("a surrogate stands alone");
    }
    value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
  }
  if (value >= 0xD800 && value < 0xE000) return fail_here("a surrogate stands alone");
  append_utf8(value, scratch_);
  return true;
}

bool JsonScanner::read_hex4(char32_t& value) {
  if (text_.size() - at_ < 4) return false;
  std::uint32_t number = 0;
  const char* const begin = text_.data() + at_;
  const auto [end, error] = std::from_chars(begin, begin + 4, number, 16);
  if (error != std::errc{} || end != begin + 4) return false;
  value = number;
  at_ += 4;
  return true;
}

bool JsonScanner::read_integer(std::int64_t& value) {
  if (peek() == 0) return fail_here("an integer was expected");
  const char* const end = text_.data() + text_.size();
  const auto [stop, error] = std::from_chars(text_.data() + at_, end, value);
  if (error != std::errc{} || (stop != end && !ends_scalar(*stop))) {
    return fail_here("an integer was expected");
  }
  at_ = static_cast<std::size_t>(stop - text_.data());
  return true;
}

bool JsonScanner::read_number(double& value) {
  if (peek() == 0) return fail_here("a number was expected");
  const char* const end = text_.data() + text_.size();
  const auto [stop, error] = std::from_chars(text_.data() + at_, end, value);
  if (error != std::errc{} || !std::isfinite(value) || (stop != end && !ends_scalar(*stop))) {
    return fail_here("a number was expected");
  }
  at_ = static_cast<std::size_t>(stop - text_.data());
  return true;
}

bool JsonScanner::skip_string() {  // at_ stands behind the opening quote.
  for (; at_ < text_.size(); ++at_) {
    if (text_[at_] == '\\') {
      ++at_;
    } else if (text_[at_] == '"') {
      ++at_;
      return true;
    }
  }
  at_ = text_.size();
  return fail_here("a string has no end");
}

bool JsonScanner::skip_value(std::string_view& raw) {
  const char first = peek();
  const std::size_t start = at_;
  if (first == 0 || ends_scalar(first) || first == ':') return fail_here("a value was expected");
  std::string open;  // The closing brackets that are still to come.
  do {
    const char c = peek();
    if (c == 0) return fail_here("a bracket is not closed");
    ++at_;
    if (c == '{' || c == '[') {
      if (open.size() == kMaxJsonDepth) return fail_here("values are nested too deeply");
      open.push_back(c == '{' ? '}' : ']');
    } else if (c == '"') {
      if (!skip_string()) return false;
    } else if (c == '}' || c == ']') {
      if (open.empty() || open.back() != c) return fail_here("brackets do not match");
      open.pop_back();
    } else if (open.empty()) {
      while (at_ < text_.size() && !ends_scalar(text_[at_])) ++at_;
    }
  } while (!open.empty());
  raw = text_.substr(start, at_ - start);
  return true;
}

Result<nlohmann::json> parse_json(std::string_view text, std::string_view what) {
  if (text.size() > kMaxConfigBytes) {
    return fail(Errc::resource_exhausted, "{} has {} bytes; {} are read at most.", what,
                text.size(), kMaxConfigBytes);
  }
  JsonScanner scanner(text);
  std::string_view whole;
  if (!scanner.skip_value(whole)) ACCEL_CHECK(scanner.status(what));
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    return fail(Error{Errc::corrupt, fmt::format("{} is not JSON.", what), error.what()});
  }
}

}  // namespace accel::models
