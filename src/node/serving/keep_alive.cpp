// SPDX-License-Identifier: Apache-2.0
#include "serving/keep_alive.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "accel/inference/pool_policy.hpp"

namespace accel::node {
namespace {

constexpr double kMaxSeconds = 100.0 * 365 * 24 * 3600;  // Beyond, it is forever.

Duration of_seconds(double seconds) {
  if (seconds < 0 || seconds > kMaxSeconds) return inference::kKeepForever;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

tl::unexpected<Error> refused() {
  return fail(Errc::invalid_argument,
              "keep_alive must be a number of seconds or a duration such as 30s, 5m or 2h; 0 "
              "unloads the model after the call, and -1 keeps it.");
}

}  // namespace

Result<Duration> parse_keep_alive(std::string_view text) {
  double seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seconds);
  if (error == std::errc() && rest == end && std::isfinite(seconds)) return of_seconds(seconds);
  const bool negative = text.starts_with('-');
  const auto duration = parse_duration(negative ? text.substr(1) : text);
  if (!duration) return refused();
  if (negative) return inference::kKeepForever;
  return of_seconds(std::chrono::duration<double>(*duration).count());
}

Result<std::optional<Duration>> keep_alive_of(const nlohmann::json* value) {
  if (value == nullptr || value->is_null()) return std::optional<Duration>();
  if (value->is_number()) return std::optional(of_seconds(value->get<double>()));
  if (!value->is_string()) return refused();
  ACCEL_TRY(const Duration time, parse_keep_alive(value->get_ref<const std::string&>()));
  return std::optional(time);
}

Status check_keep_alive(const ConfigValue& text) {
  const auto parsed = parse_keep_alive(std::get<std::string>(text));
  if (!parsed) return fail(parsed.error());
  return {};
}

}  // namespace accel::node
