// SPDX-License-Identifier: Apache-2.0
#pragma once
// Structured logs: one event a line, as text for people or as JSON for machines, to stderr or a
// file. Used by every module. Thread-safe. Nothing is set up before the first event that is
// written, so that a command that logs nothing pays nothing. Text never spans lines: control
// characters are escaped, so a hostile name can't forge an event.

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel::log {

enum class Level { trace, debug, info, warn, error, off };

std::string_view level_name(Level level);
// Errors: invalid_argument (the message lists the names).
Result<Level> level_from_name(std::string_view name);

struct Field {
  std::string_view key;
  std::string value;
  bool number = false;  // In JSON the value stands without quotes.
};
// field("bytes", 12): a number (or true, false) that stays one in JSON. NaN and infinities become
// strings, as JSON has no word for them.
template <std::integral T>
Field field(std::string_view key, T value) {
  return {key, fmt::to_string(value), true};
}
Field field(std::string_view key, double value);
inline Field field(std::string_view key, std::string_view value) {
  return {key, std::string(value)};
}

struct Options {
  Level level = Level::warn;
  bool json = false;
  std::filesystem::path file;  // Empty: stderr. Rotated at kMaxFileBytes, kMaxFiles are kept.
};
inline constexpr std::size_t kMaxFileBytes = 16U << 20U;
inline constexpr std::size_t kMaxFiles = 3;

// Replaces the options for events from now on. Errors: those of opening the file.
Status configure(const Options& options);
bool enabled(Level level);

// module is the module's name ("exchange"), message a full sentence or a short phrase.
void write(Level level, std::string_view module, std::string_view message,
           std::initializer_list<Field> fields = {});

// The line that write() would emit, without its end; time is RFC 3339. For tests and other sinks.
struct Event {
  std::string_view time;
  Level level;
  std::string_view module;
  std::string_view message;
};
std::string format_text(const Event& event, std::initializer_list<Field> fields);
std::string format_json(const Event& event, std::initializer_list<Field> fields);

using Fields = std::initializer_list<Field>;
inline void debug(std::string_view module, std::string_view message, Fields fields = {}) {
  write(Level::debug, module, message, fields);
}
inline void info(std::string_view module, std::string_view message, Fields fields = {}) {
  write(Level::info, module, message, fields);
}
inline void warn(std::string_view module, std::string_view message, Fields fields = {}) {
  write(Level::warn, module, message, fields);
}
inline void error(std::string_view module, std::string_view message, Fields fields = {}) {
  write(Level::error, module, message, fields);
}

}  // namespace accel::log
