// SPDX-License-Identifier: Apache-2.0
#include "text_escape.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace accel::detail {
namespace {

bool is_c1_control(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size() || text[at] != '\xC2') return false;
  const auto second = static_cast<unsigned char>(text[at + 1]);
  return second >= 0x80 && second < 0xA0;
}

void append_escaped(std::string& out, char character) {
  const auto byte = static_cast<unsigned char>(character);
  if (character == '\n') {
    out += "\\n";
  } else if (character == '\t') {
    out += "\\t";
  } else if (character == '\\') {
    out += "\\\\";
  } else if (byte < 0x20 || byte == 0x7F) {
    out += fmt::format("\\x{:02x}", byte);
  } else {
    out += character;
  }
}

}  // namespace

std::string escape_control(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_c1_control(text, i)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else {
      append_escaped(out, text[i]);
    }
  }
  return out;
}

std::string quote_if_needed(std::string_view text) {
  std::string escaped = escape_control(text);
  if (!text.empty() && text.find_first_of(" \"=") == std::string_view::npos) return escaped;
  std::string quoted = "\"";
  for (const char character : escaped) {
    if (character == '"') quoted += '\\';
    quoted += character;
  }
  return quoted + "\"";
}

std::string json_quote(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace accel::detail
