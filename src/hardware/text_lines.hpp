// SPDX-License-Identifier: Apache-2.0
#pragma once
// Walking over lines and blank-separated words of kernel text without copying it. Private to
// hardware.

#include <cstddef>
#include <optional>
#include <string_view>

namespace accel::hardware::detail {

// Cuts the first line off `rest`; nullopt at the end. The newline is dropped.
inline std::optional<std::string_view> next_line(std::string_view& rest) {
  if (rest.empty()) return std::nullopt;
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return line;
}

// Cuts the first word (up to a blank or tab) off `rest`; nullopt when only blanks are left.
inline std::optional<std::string_view> next_word(std::string_view& rest) {
  const std::size_t begin = rest.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return std::nullopt;
  rest = rest.substr(begin);
  const std::size_t end = rest.find_first_of(" \t\r");
  const std::string_view word = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  return word;
}

// Cuts the text up to the separator off `rest`; nullopt at the end.
inline std::optional<std::string_view> next_field(std::string_view& rest, char separator) {
  if (rest.data() == nullptr) return std::nullopt;
  const std::size_t end = rest.find(separator);
  const std::string_view field = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return field;
}

}  // namespace accel::hardware::detail
