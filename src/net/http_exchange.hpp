// SPDX-License-Identifier: Apache-2.0
#pragma once
// One request and its reply on one stream. Used by HttpClient, in the frame of the call. Every wait
// is bounded by the guard, which must watch the stream. Error messages are parts of a sentence.

#include <string>

#include "accel/net/http_client.hpp"
#include "body_receiver.hpp"
#include "call_guard.hpp"
#include "read_buffer.hpp"
#include "reply_parser.hpp"
#include "stream.hpp"

namespace accel::net {

// "GET /path HTTP/1.1" with its headers. Errors: invalid_argument (text that would break the head).
Result<std::string> write_request_head(const Url& url, const HttpCall& call,
                                       const std::string& user_agent);

class HttpExchange {
 public:
  HttpExchange(ByteStream& stream, CallGuard& guard, const ClientOptions& options);

  Task<void> send(std::string head, const std::string& body);
  // Reads up to the end of the head, over interim replies (1xx).
  Task<void> read_head(bool head_request);
  const ReplyParser& head() const { return parser_; }
  Headers take_headers() { return parser_.take_headers(); }
  Task<void> read_body(BodyReceiver& receiver);

  bool heard_anything() const { return heard_; }  // A byte of a reply came.
  bool reusable() const { return reusable_; }     // The stream can carry the next request.

 private:
  Task<std::size_t> read_some(std::span<std::uint8_t> out);
  Task<void> fill_buffer();
  Task<void> read_length(BodyReceiver& receiver);
  Task<void> read_to_end(BodyReceiver& receiver);
  Task<void> read_chunks(BodyReceiver& receiver);
  Result<std::uint64_t> take_buffered(BodyReceiver& receiver, std::uint64_t at_most);
  Task<std::size_t> read_more(BodyReceiver& receiver, std::uint64_t at_most);

  ByteStream& stream_;
  CallGuard& guard_;
  const ClientOptions& options_;
  ReadBuffer buffer_;
  ReplyParser parser_;
  std::unique_ptr<std::uint8_t[]> scratch_;  // For sinks; made when first needed.
  bool heard_ = false;
  bool reusable_ = false;
};

}  // namespace accel::net
