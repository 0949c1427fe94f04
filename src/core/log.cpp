// SPDX-License-Identifier: Apache-2.0
#include "accel/core/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>

#include "accel/core/clock.hpp"
#include "accel/core/trace.hpp"
#include "text_escape.hpp"

namespace accel::log {
namespace {

constexpr std::array<std::string_view, 6> kLevelNames{"trace", "debug", "info",
                                                      "warn",  "error", "off"};

using SinkPtr = std::shared_ptr<spdlog::sinks::sink>;  // spdlog's own type; one owner: the Logger.

struct Logger {
  std::mutex mutex;
  SinkPtr sink;  // Made when the first event is written.
};

constinit std::atomic<Level> current_level{Level::warn};
constinit std::atomic<bool> as_json{false};

Logger& logger() {
  static Logger instance;
  return instance;
}

SinkPtr make_sink(const std::filesystem::path& file) {
  SinkPtr sink;
  if (file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), kMaxFileBytes,
                                                                  kMaxFiles);
  }
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
  return sink;
}

// Of a request that is traced, each line names the trace.
std::string with_trace(std::string line) {
  const trace::LinkPtr& link = trace::current();
  if (!link) return line;
  const std::string id = link->context.trace_id_hex();
  if (!as_json) return line + " trace_id=" + id;
  line.pop_back();
  return line + ",\"trace_id\":\"" + id + "\"}";
}

}  // namespace

std::string_view level_name(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

Result<Level> level_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<Level>(i);
  }
  return fail(Errc::invalid_argument, "There is no log level '{}'; use one of {}.", name,
              fmt::join(kLevelNames, ", "));
}

Field field(std::string_view key, double value) {
  return {key, fmt::to_string(value), std::isfinite(value)};
}

Status configure(const Options& options) {
  SinkPtr sink;
  try {
    if (!options.file.empty()) sink = make_sink(options.file);
  } catch (const spdlog::spdlog_ex& error) {
    return tl::unexpected<Error>(
        Error{Errc::io, fmt::format("Cannot open the log file {}.", options.file.string()),
              error.what()});
  }
  const std::scoped_lock lock(logger().mutex);
  logger().sink = std::move(sink);
  current_level = options.level;
  as_json = options.json;
  return {};
}

bool enabled(Level level) { return level != Level::off && level >= current_level.load(); }

void write(Level level, std::string_view module, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  const std::string time = to_rfc3339(system_clock().wall_now());
  const Event event{time, level, module, message};
  const std::string line =
      with_trace(as_json ? format_json(event, fields) : format_text(event, fields));
  const std::scoped_lock lock(logger().mutex);
  try {
    if (!logger().sink) logger().sink = make_sink({});
    logger().sink->log(spdlog::details::log_msg("", spdlog::level::info, line));
    logger().sink->flush();
  } catch (const spdlog::spdlog_ex&) {
    // A full disk must not end the work that is being logged; the event is lost.
  }
}

std::string format_text(const Event& event, Fields fields) {
  std::string line = fmt::format("{} {:<5} {}: {}", event.time, level_name(event.level),
                                 event.module, detail::escape_control(event.message));
  for (const Field& item : fields) {
    line += fmt::format(" {}={}", item.key, detail::quote_if_needed(item.value));
  }
  return line;
}

std::string format_json(const Event& event, Fields fields) {
  std::string line =
      fmt::format(R"({{"time":{},"level":{},"module":{},"message":{})",
                  detail::json_quote(event.time), detail::json_quote(level_name(event.level)),
                  detail::json_quote(event.module), detail::json_quote(event.message));
  for (const Field& item : fields) {
    line += fmt::format(",{}:{}", detail::json_quote(item.key),
                        item.number ? item.value : detail::json_quote(item.value));
  }
  return line + "}";
}

}  // namespace accel::log
