// SPDX-License-Identifier: Apache-2.0
#include "wire/reply_reader.hpp"

#include <charconv>

#include "accel/core/json.hpp"
#include "accel/net/message.hpp"
#include "wire/reading.hpp"

namespace accel::endpoints {

std::string without(std::string text, std::string_view key) {
  constexpr std::string_view kInstead = "[key]";
  if (key.empty()) return text;
  for (auto at = text.find(key); at != text.npos; at = text.find(key, at + kInstead.size()))
    text.replace(at, key.size(), kInstead);
  return text;
}

namespace {

using nlohmann::json;

constexpr auto kMostRetryAfter = std::chrono::hours(1);

bool is_stream(std::string_view type, Framing framing) {
  const std::string kind = net::to_lower_ascii(net::trim_blanks(type.substr(0, type.find(';'))));
  if (kind == "text/event-stream") return framing == Framing::events;
  return framing == Framing::lines &&
         (kind == "application/x-ndjson" || kind == "application/jsonl");
}

std::optional<double> number_of(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  double value = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || rest != end || !(value >= 0)) return std::nullopt;
  return value;
}

// Seconds (RFC 9110 section 10.2.3), or milliseconds in the field that OpenAI's servers add. A date
// is not read: it is worth what both clocks are worth.
std::optional<Duration> retry_after_of(const net::Headers& headers) {
  auto seconds = number_of(headers.get("Retry-After"));
  if (const auto ms = number_of(headers.get("retry-after-ms"))) seconds = *ms / 1000.0;
  if (!seconds) return std::nullopt;
  const double most = std::chrono::duration<double>(kMostRetryAfter).count();
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::min(*seconds, most)));
}

std::string words_of(const net::HttpReply& reply, std::string_view key) {
  const auto body = parse_bounded_json(reply.body, "The reply");
  std::string words = body ? error_words(*body) : std::string();
  if (words.empty()) words = reply.body.substr(0, reply.body.find_first_of("\r\n"));
  return one_line(without(std::move(words), key));
}

}  // namespace

ReplyReader::ReplyReader(Wire wire, Operation operation, std::string_view content_type)
    : rules_(rules_of(wire)), operation_(operation) {
  if (operation != Operation::text || !is_stream(content_type, rules_.framing)) return;
  const auto on_event = [this](std::string_view data) { return rules_.read_event(data, state_); };
  events_.emplace(rules_.framing, on_event);
}

Status ReplyReader::push(std::string_view bytes) {
  if (events_) return events_->push(bytes);
  if (whole_.size() + bytes.size() > kMaxReplyBytes)
    return fail(Errc::resource_exhausted, "The answer has more than {} bytes.", kMaxReplyBytes);
  whole_ += bytes;
  return {};
}

Status ReplyReader::finish() {
  if (!events_) {
    ACCEL_CHECK(read_whole());
  } else {
    ACCEL_CHECK(events_->finish());
    if (!state_.ended()) return fail(Errc::protocol, "The stream ended before its answer did.");
  }
  if (operation_ == Operation::text && !state_.has_finish()) state_.set_finish("stop");
  return {};
}

Status ReplyReader::read_whole() {
  const auto body = parse_bounded_json(whole_, "The answer");
  if (!body) return fail(Error{Errc::protocol, body.error().message, {}});
  const std::string words = body->is_object() ? text_of(*body, "error") : std::string();
  if (!words.empty()) return fail(Errc::unavailable, "The server says: {}", one_line(words));
  return rules_.read_whole(*body, operation_, state_);
}

Refusal refusal_of(const net::HttpReply& reply, std::string_view endpoint, std::string_view key) {
  Refusal refusal;
  refusal.retry_after = retry_after_of(reply.headers);
  const std::string words = words_of(reply, key);
  refusal.error.code = net::errc_of_http_status(reply.status);
  if (reply.status >= 300 && reply.status < 400) {
    refusal.error = {Errc::protocol,
                     fmt::format("The endpoint {} answered with a redirect ({}), which is not "
                                 "followed: give it the address that answers.",
                                 endpoint, reply.status),
                     {}};
    return refusal;
  }
  refusal.error.message =
      fmt::format("The endpoint {} answered {} {}{}{}", endpoint, reply.status,
                  net::reason_phrase(reply.status), words.empty() ? "." : ": ", words);
  return refusal;
}

}  // namespace accel::endpoints
