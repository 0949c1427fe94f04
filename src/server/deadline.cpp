// SPDX-License-Identifier: Apache-2.0
#include "deadline.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace accel::server {
namespace {

using nlohmann::json;

constexpr Duration kMost = std::chrono::hours(24);  // Longer is no limit that anybody waits for.
constexpr std::array<std::string_view, 3> kRunners{"model.infer", "run", "text.generate"};

bool is_over(Deadline deadline) { return deadline && system_clock().now() >= *deadline; }

}  // namespace

Deadline earlier(Deadline a, Deadline b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

Deadline deadline_after(std::optional<Duration> time) {
  if (!time) return std::nullopt;
  return system_clock().now() + std::min(*time, kMost);
}

Result<std::optional<Duration>> asked_timeout(const net::HttpRequest& head) {
  const auto text = head.headers.get("X-Request-Timeout");
  if (!text) return std::nullopt;
  double seconds = 0;
  const char* const end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, seconds);
  const bool good =
      read.ec == std::errc() && read.ptr == end && std::isfinite(seconds) && seconds > 0;
  if (!good) {
    return fail(Errc::invalid_argument,
                "X-Request-Timeout must be a number of seconds above 0, such as 30 or 0.25.");
  }
  const std::chrono::duration<double> most = kMost;
  const std::chrono::duration<double> asked(std::min(seconds, most.count()));
  // Never 0, which would be no time at all.
  return std::max(std::chrono::duration_cast<Duration>(asked), Duration(1));
}

bool runs_model(std::string_view method) {
  return std::ranges::find(kRunners, method) != kRunners.end();
}

Deadline within(Deadline asked, std::string_view method, Duration most) {
  if (most <= Duration::zero() || !runs_model(method)) return asked;
  return earlier(asked, deadline_after(most));
}

void tell_time_left(Deadline deadline, std::string_view method, json& params) {
  if (!deadline || !runs_model(method)) return;
  const Duration left = std::max(*deadline - system_clock().now(), Duration(1));
  params[kTimeLeft] = std::chrono::ceil<std::chrono::milliseconds>(left).count();
}

std::optional<Duration> told_timeout(std::string_view method, const json& params) {
  const auto told = params.find(kTimeLeft);
  if (!runs_model(method) || told == params.end() || !told->is_number_unsigned())
    return std::nullopt;
  constexpr auto kMostMs = std::chrono::duration_cast<std::chrono::milliseconds>(kMost).count();
  const auto wanted = std::min(told->get<std::uint64_t>(), static_cast<std::uint64_t>(kMostMs));
  if (wanted == 0) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(wanted));
}

Priority place_in_line(std::string_view method, const json& params, const node::Caller& caller) {
  if (!runs_model(method)) return Priority::normal;
  const auto level = params.find("priority");
  const bool said = level != params.end() && (*level == 1 || *level == 2 || *level == 3);
  const Priority wanted = said ? static_cast<Priority>(level->get<int>()) : Priority::normal;
  return std::max(wanted, caller.best_priority());
}

Result<json> TimedCall::operator()(const node::EventSink& on_event, std::stop_token stop) const {
  if (is_over(deadline))
    return fail(Errc::timeout, "The request's time was over before its turn came.");
  Result<json> result = call(on_event, std::move(stop));
  const bool stopped = !result && result.error().code == Errc::cancelled;
  if (stopped && is_over(deadline))
    return fail(Errc::timeout, "The request's time was over, and its work was stopped.");
  return result;
}

}  // namespace accel::server
