// SPDX-License-Identifier: Apache-2.0
#include "http_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "header_syntax.hpp"

namespace accel::net {
namespace {

constexpr int kMaxInterimReplies = 8;
constexpr std::size_t kScratchBytes = 256 * 1024;
constexpr std::size_t kMaxOneRead = 4 * 1024 * 1024;  // The stop token is looked at in between.
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

std::span<std::uint8_t> as_writable_bytes(std::span<char> text) {
  return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()};  // char and uint8_t alias.
}

}  // namespace

Result<std::string> write_request_head(const Url& url, const HttpCall& call,
                                       const std::string& user_agent) {
  if (!is_token(call.method)) {
    return fail(Errc::invalid_argument, "the method \"{}\" is none", call.method);
  }
  std::string head = fmt::format("{} {} HTTP/1.1\r\n", call.method, url.target());
  Headers headers = call.headers;
  if (!headers.has("Host")) headers.add("Host", url.authority());
  if (!headers.has("User-Agent")) headers.add("User-Agent", user_agent);
  if (!headers.has("Accept")) headers.add("Accept", "*/*");
  headers.erase("Content-Length");
  const bool may_have_body = call.method != "GET" && call.method != "HEAD";
  if (!call.body.empty() || may_have_body) {
    headers.add("Content-Length", std::to_string(call.body.size()));
  }
  for (const HeaderField& field : headers) {
    if (!is_valid_field(field)) {
      return fail(Errc::invalid_argument, "the header \"{}\" holds what HTTP can't carry",
                  is_token(field.name) ? field.name : "?");
    }
    fmt::format_to(std::back_inserter(head), "{}: {}\r\n", field.name, field.value);
  }
  head += "\r\n";
  return head;
}

HttpExchange::HttpExchange(ByteStream& stream, CallGuard& guard, const ClientOptions& options)
    : stream_(stream),
      guard_(guard),
      options_(options),
      buffer_(std::max<std::size_t>(options.max_header_bytes, 4096)),
      parser_(options.max_header_bytes, false) {}

Task<void> HttpExchange::send(std::string head, const std::string& body) {
  ACCEL_CO_CHECK(guard_.check());
  guard_.expect_within(options_.idle_timeout);
  // One write for small bodies, so that they leave in one packet.
  const bool together = body.size() <= kScratchBytes;
  if (together) head += body;
  Status sent = co_await stream_.write_all(head);
  if (sent && !together) sent = co_await stream_.write_all(body);
  ACCEL_CO_CHECK(guard_.check());
  co_return sent;
}

Task<std::size_t> HttpExchange::read_some(std::span<std::uint8_t> out) {
  ACCEL_CO_CHECK(guard_.check());
  guard_.expect_within(options_.idle_timeout);
  Result<std::size_t> count = co_await stream_.read_some(out);
  ACCEL_CO_CHECK(guard_.check());  // Its reason says more than "aborted".
  if (count && *count > 0) heard_ = true;
  co_return count;
}

// Errors: unavailable when nothing comes any more; protocol when the buffer is full.
Task<void> HttpExchange::fill_buffer() {
  const std::span<std::uint8_t> space = as_writable_bytes(buffer_.space());
  if (space.empty()) co_return fail(Errc::protocol, "its headers are too large");
  const Result<std::size_t> count = co_await read_some(space);
  if (!count) co_return fail(Error(count.error()));
  if (*count == 0) co_return fail(Errc::unavailable, "it closed the connection without a reply");
  buffer_.filled(*count);
  co_return Status{};
}

Task<void> HttpExchange::read_head(bool head_request) {
  for (int interim = 0; interim <= kMaxInterimReplies; ++interim) {
    parser_ = ReplyParser(options_.max_header_bytes, head_request);
    while (!parser_.head_done()) {
      ACCEL_CO_TRY(const std::size_t used, parser_.feed_head(buffer_.view()));
      buffer_.consume(used);
      if (parser_.head_done()) break;
      const Status filled = co_await fill_buffer();
      if (!filled) co_return filled;
    }
    if (parser_.status() == 101) {
      co_return fail(Errc::protocol, "it switches to a protocol that nobody asked for");
    }
    if (parser_.status() >= 200) co_return Status{};
  }
  co_return fail(Errc::protocol, "it sends interim replies without end");
}

Task<void> HttpExchange::read_body(BodyReceiver& receiver) {
  const std::string_view coding = parser_.headers().get_or("Content-Encoding", "identity");
  if (!equals_ignoring_case(coding, "identity")) {
    co_return fail(Errc::protocol, "it sends a body in the coding {} that nobody asked for",
                   coding);
  }
  Status read;
  switch (parser_.body_kind()) {
    case ReplyParser::BodyKind::none:
      break;
    case ReplyParser::BodyKind::length:
      read = co_await read_length(receiver);
      break;
    case ReplyParser::BodyKind::chunked:
      read = co_await read_chunks(receiver);
      break;
    case ReplyParser::BodyKind::to_end:
      co_return co_await read_to_end(receiver);
  }
  const bool complete = read && !receiver.is_full();
  reusable_ = complete && buffer_.empty() && parser_.keep_alive();
  co_return read;
}

// What came together with the head; returns how much of it was body.
Result<std::uint64_t> HttpExchange::take_buffered(BodyReceiver& receiver, std::uint64_t at_most) {
  const std::string_view text =
      buffer_.view().substr(0, std::min<std::uint64_t>(at_most, buffer_.view().size()));
  ACCEL_CHECK(receiver.accept(as_bytes(text)));
  buffer_.consume(text.size());
  return text.size();
}

// Straight into the caller's buffer, or over the scratch buffer to its sink; 0 at the end.
Task<std::size_t> HttpExchange::read_more(BodyReceiver& receiver, std::uint64_t at_most) {
  std::span<std::uint8_t> direct = receiver.direct_space();
  const bool is_direct = !direct.empty();
  if (!is_direct) {
    if (!scratch_) scratch_ = std::make_unique_for_overwrite<std::uint8_t[]>(kScratchBytes);
    direct = {scratch_.get(), kScratchBytes};
  }
  const std::uint64_t most = std::min<std::uint64_t>(at_most, kMaxOneRead);
  direct = direct.first(std::min<std::uint64_t>(direct.size(), most));
  const Result<std::size_t> count = co_await read_some(direct);
  if (!count) co_return fail(Error(count.error()));
  if (is_direct) {
    ACCEL_CO_CHECK(receiver.filled(*count));
  } else {
    ACCEL_CO_CHECK(receiver.accept(direct.first(*count)));
  }
  co_return *count;
}

Task<void> HttpExchange::read_length(BodyReceiver& receiver) {
  const std::uint64_t length = parser_.body_length();
  ACCEL_CO_CHECK(receiver.announce(length));
  ACCEL_CO_TRY(const std::uint64_t early, take_buffered(receiver, length));
  std::uint64_t left = length - early;
  while (left > 0 && !receiver.is_full()) {
    const Result<std::size_t> count = co_await read_more(receiver, left);
    if (!count) co_return fail(Error(count.error()));
    if (*count == 0) {
      co_return fail(Errc::unavailable, "it closed the connection after {} of {} bytes",
                     length - left, length);
    }
    left -= *count;
  }
  co_return Status{};
}

Task<void> HttpExchange::read_to_end(BodyReceiver& receiver) {
  ACCEL_CO_TRY(const std::uint64_t early, take_buffered(receiver, kNoLimit));
  static_cast<void>(early);
  while (!receiver.is_full()) {
    const bool at_limit = !receiver.announce(receiver.bytes() + 1);
    // A full buffer of the caller must not look like the end: one byte more tells.
    std::uint8_t extra = 0;
    const std::span<std::uint8_t> one(&extra, 1);
    Result<std::size_t> count = std::size_t{0};
    if (at_limit) {
      count = co_await read_some(one);
      if (count && *count > 0) co_return receiver.accept(one);
    } else {
      count = co_await read_more(receiver, kNoLimit);
    }
    if (!count) co_return fail(Error(count.error()));
    if (*count == 0) break;
  }
  co_return Status{};
}

Task<void> HttpExchange::read_chunks(BodyReceiver& receiver) {
  const BodySink sink = [&receiver](ByteView bytes) { return receiver.accept(bytes); };
  while (true) {
    ACCEL_CO_TRY(const std::size_t used, parser_.feed_chunks(buffer_.view(), sink));
    buffer_.consume(used);
    if (parser_.body_done() || receiver.is_full()) co_return Status{};
    const Status filled = co_await fill_buffer();
    if (!filled && filled.error().code == Errc::unavailable) {
      co_return fail(Errc::unavailable, "it closed the connection after {} bytes, before the end",
                     receiver.bytes());
    }
    if (!filled) co_return filled;
  }
}

}  // namespace accel::net
