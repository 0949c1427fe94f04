// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace accel::cli {
namespace {

std::atomic<bool> g_reader_gone = false;

Status put(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    // Whoever read it has seen enough (`| head`): nothing to complain about.
    if (errno == EPIPE) g_reader_gone = true;
    if (errno == EPIPE) return fail(Error{Errc::cancelled, {}, {}});
    return fail_errno(Errc::io, errno, "Cannot write the result to standard output.");
  }
  return {};
}

// "12", "0.97x", "90.8 MB", "1.2e-07", "-".
bool is_number(const std::string& cell) {
  if (cell.empty() || cell == "-") return true;
  char* rest = nullptr;
  std::strtod(cell.c_str(), &rest);
  const std::string_view unit(rest);
  constexpr std::size_t kLongestUnit = 6;  // " GiB/s"
  return rest != cell.c_str() && unit.size() <= kLongestUnit &&
         unit.find_first_of("0123456789_") == unit.npos;
}

// Columns of a UTF-8 text, counting code points; wide characters are rare in what we print.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }));
}

// Marks that reorder what follows them on a terminal (Unicode's bidirectional controls), and the
// C1 controls: two or three bytes of UTF-8. Returns how many, 0 when text does not start with one.
std::size_t hidden_mark(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  if (at(0) == 0xC2) return at(1) >= 0x80 && at(1) < 0xA0 ? 2 : 0;
  if (at(0) == 0xD8) return at(1) == 0x9C ? 2 : 0;  // U+061C
  if (at(0) != 0xE2) return 0;
  const bool direction = at(1) == 0x80 && (at(2) == 0x8E || at(2) == 0x8F);
  const bool embedding = at(1) == 0x80 && at(2) >= 0xAA && at(2) <= 0xAE;
  const bool isolate = at(1) == 0x81 && at(2) >= 0xA6 && at(2) <= 0xA9;
  return direction || embedding || isolate ? 3 : 0;
}

// Names and messages come from peers too: what would steer the terminal is shown as \xNN.
std::string printable(std::string_view text, std::string_view kept = {}) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = (byte < 0x20 || byte == 0x7F) && kept.find(text[i]) == kept.npos;
    const std::size_t length = control ? 1 : hidden_mark(text.substr(i));
    if (length == 0) out += text[i++];
    for (std::size_t end = i + length; length > 0 && i < end; ++i)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
  }
  return out;
}

}  // namespace

bool reader_gone() { return g_reader_gone; }

Status print_line(std::string_view line) { return put(printable(line, "\n\t") + "\n"); }

Status print_json(const nlohmann::json& document) {
  return put(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Status print_bytes(ByteView bytes) {
  // Through a pipe of the usual 64 KiB writer and reader would take sixteen turns a MiB. What is no
  // pipe, or may not grow, stays as it is.
  constexpr std::size_t kMany = 256U << 10U;
  constexpr int kWidePipe = 1 << 20;
  if (bytes.size() >= kMany) {
    static const int widened = ::fcntl(STDOUT_FILENO, F_SETPIPE_SZ, kWidePipe);
    static_cast<void>(widened);
  }
  return put(as_text(bytes));
}

Status print_table(const std::vector<std::string>& header,
                   std::vector<std::vector<std::string>> rows) {
  for (auto& row : rows) {
    for (std::string& cell : row) cell = printable(cell);
  }
  std::vector<std::size_t> widths;
  for (const std::string& cell : header) widths.push_back(columns_of(cell));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], columns_of(row[i]));
    }
  }
  std::vector<bool> right(widths.size(), true);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      right[i] = right[i] && is_number(row[i]);
  }
  const auto line_of = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      const std::string padding(widths[i] - columns_of(row[i]), ' ');
      const bool last = i + 1 == row.size();
      line += right[i] && !rows.empty() ? padding + row[i] : row[i] + (last ? "" : padding);
      if (!last) line += "  ";
    }
    return line;
  };
  ACCEL_CHECK(print_line(line_of(header)));
  for (const auto& row : rows) ACCEL_CHECK(print_line(line_of(row)));
  return {};
}

void print_error(const Error& error, bool json) {
  if (error.message.empty()) return;
  if (json) {
    const nlohmann::json document{
        {"error",
         {{"code", errc_name(error.code)}, {"message", error.message}, {"cause", error.cause}}}};
    std::fputs(
        (document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n").c_str(),
        stderr);
    return;
  }
  std::fputs(fmt::format("error: {}\n", printable(error.message)).c_str(), stderr);
  if (error.cause.empty()) return;
  std::fputs(fmt::format("  because: {}\n", printable(error.cause, "\n")).c_str(), stderr);
}

void print_note(std::string_view text) {
  std::fputs((printable(text, "\n") + "\n").c_str(), stderr);
}

}  // namespace accel::cli
