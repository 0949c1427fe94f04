// SPDX-License-Identifier: Apache-2.0
#include "response_head.hpp"

#include "accel/net/header_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <initializer_list>

#include "header_syntax.hpp"

namespace accel::net {
namespace {

constexpr std::array<std::string_view, 4> kFramingHeaders{"Content-Length", "Transfer-Encoding",
                                                          "Connection", "Date"};

constexpr std::string_view kKeepAliveEnd = "Connection: keep-alive\r\n\r\n";
constexpr std::string_view kCloseEnd = "Connection: close\r\n\r\n";

bool is_framing(std::string_view name) {
  return std::ranges::any_of(kFramingHeaders, [&](std::string_view framing) {
    return equals_ignoring_case(framing, name);
  });
}

bool has_no_body_by_status(int status) {
  return status == 204 || status == 304 || (status >= 100 && status < 200);
}

// The Date header changes once a second, a busy thread writes it thousands of times.
const std::string& cached_date(WallTime now) {
  thread_local std::time_t second = -1;
  thread_local std::string text;
  const std::time_t current = std::chrono::system_clock::to_time_t(now);
  if (current != second) {
    second = current;
    text = http_date(now);
  }
  return text;
}

// Each request pays for its answer's head: no format is read for it.
void append(std::string& head, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) head += part;
}

void append_length(std::string& head, std::uint64_t length) {
  append(head, {"Content-Length: ", std::to_string(length), "\r\n"});
}

}  // namespace

std::optional<std::uint64_t> body_length(const Body& body) {
  if (const auto* text = std::get_if<std::string>(&body)) return text->size();
  if (const auto* stream = std::get_if<StreamBody>(&body)) return stream->length;
  std::uint64_t total = 0;
  if (const auto* slices = std::get_if<std::vector<FileSlice>>(&body)) {
    for (const FileSlice& slice : *slices) total += slice.length;
  }
  return total;
}

Framing decide_framing(const RequestTraits& request, const HttpResponse& response) {
  Framing framing;
  framing.keep_alive = request.keep_alive;
  framing.length = body_length(response.body);
  const bool opens_tunnel = request.connect && response.status / 100 == 2;
  if (opens_tunnel || has_no_body_by_status(response.status)) {
    framing.send_body = false;
    framing.length.reset();
    return framing;
  }
  framing.send_body = !request.head;
  if (framing.length) return framing;
  framing.chunked = !request.http_1_0;
  if (request.http_1_0) framing.keep_alive = false;  // The end of the connection ends the body.
  return framing;
}

std::string http_date(WallTime time) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                     kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

Result<std::string> write_head(const HttpResponse& response, const Framing& framing, WallTime now) {
  std::string head;
  head.reserve(512);
  append(head, {"HTTP/1.1 ", std::to_string(response.status), " ", reason_phrase(response.status),
                "\r\nDate: ", cached_date(now), "\r\n"});
  for (const HeaderField& field : response.headers) {
    if (!is_valid_field(field)) {
      return fail(Errc::internal, "A response header has a name or value that HTTP can't carry.");
    }
    if (is_framing(field.name)) continue;
    append(head, {field.name, ": ", field.value, "\r\n"});
  }
  if (framing.length) append_length(head, *framing.length);
  if (framing.chunked) head += "Transfer-Encoding: chunked\r\n";
  // Said to HTTP/1.0 clients too, for which "keep-alive" is not the default.
  head += framing.keep_alive ? kKeepAliveEnd : kCloseEnd;
  return head;
}

void write_ready_head(const ReadyResponse& response, bool keep_alive, WallTime now,
                      std::string& head) {
  head = "HTTP/1.1 200 OK\r\nDate: ";
  head += cached_date(now);
  head += "\r\n";
  head += response.fields;
  append_length(head, response.body->size());
  head += keep_alive ? kKeepAliveEnd : kCloseEnd;
}

}  // namespace accel::net
