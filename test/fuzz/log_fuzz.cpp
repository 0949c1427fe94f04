// SPDX-License-Identifier: Apache-2.0
// Whatever is logged, a line of text stays one line without control characters, and a line of JSON
// stays one JSON object whose members are there.
#include <accel/core/log.hpp>
#include <cstdint>
#include <string>

namespace {

void check_text(const std::string& line) {
  for (const char character : line) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7F) __builtin_trap();
  }
}

void check_json(const std::string& line) {
  check_text(line);
  if (line.front() != '{' || line.back() != '}') __builtin_trap();
  if (line.find("\"message\":\"") == std::string::npos) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string half = text.substr(0, size / 2);
  const accel::log::Event event{"2026-11-21T10:40:00.123Z", accel::log::Level::info, "core", text};
  check_text(accel::log::format_text(event, {{"value", half}}));
  // JSON lets DEL stand; it must not let a quote or a line end through.
  std::string json = accel::log::format_json(event, {{"value", half}});
  std::erase(json, '\x7F');
  check_json(json);
  return 0;
}
