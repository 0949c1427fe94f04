// SPDX-License-Identifier: Apache-2.0
#include "accel/core/markup.hpp"

namespace accel {
namespace {

bool is_forbidden(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return byte < 0x20 && character != '\t' && character != '\n';
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += is_forbidden(c) ? ' ' : c;
    }
  }
  return out;
}

}  // namespace accel
