// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace accel::cli {
namespace {

Status put(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return fail_errno(Errc::io, errno, "Cannot write the result to standard output.");
  }
  return {};
}

bool is_number(std::string_view cell) {
  return !cell.empty() && (cell.front() >= '0' && cell.front() <= '9');
}

// Columns of a UTF-8 text, counting code points; wide characters are rare in what we print.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

Status print_line(std::string_view line) { return put(std::string(line) + "\n"); }

Status print_json(const nlohmann::json& document) {
  return print_line(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

Status print_bytes(ByteView bytes) { return put(as_text(bytes)); }

Status print_table(const std::vector<std::string>& header,
                   const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& cell : header) widths.push_back(columns_of(cell));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], columns_of(row[i]));
    }
  }
  const auto line_of = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      const std::string padding(widths[i] - columns_of(row[i]), ' ');
      const bool last = i + 1 == row.size();
      line += is_number(row[i]) ? padding + row[i] : row[i] + (last ? "" : padding);
      if (!last) line += "  ";
    }
    return line;
  };
  ACCEL_CHECK(print_line(line_of(header)));
  for (const auto& row : rows) ACCEL_CHECK(print_line(line_of(row)));
  return {};
}

void print_error(const Error& error, bool json) {
  if (json) {
    const nlohmann::json document{
        {"error",
         {{"code", errc_name(error.code)}, {"message", error.message}, {"cause", error.cause}}}};
    std::fputs(
        (document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n").c_str(),
        stderr);
    return;
  }
  std::fputs(fmt::format("error: {}\n", error.message).c_str(), stderr);
  if (!error.cause.empty()) std::fputs(fmt::format("  because: {}\n", error.cause).c_str(), stderr);
}

void print_note(std::string_view text) { std::fputs((std::string(text) + "\n").c_str(), stderr); }

}  // namespace accel::cli
