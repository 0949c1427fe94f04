// SPDX-License-Identifier: Apache-2.0
#include "header_syntax.hpp"

#include <algorithm>

namespace accel::net {
namespace {

bool is_token_character(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_value_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}

bool is_valid_field(const HeaderField& field) {
  return is_token(field.name) && std::ranges::all_of(field.value, is_value_character);
}

}  // namespace accel::net
