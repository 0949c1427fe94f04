// SPDX-License-Identifier: Apache-2.0
#pragma once
// The body of a reply of status 2xx becomes an answer, piece by piece; a reply of another status an
// error. Pure: the bytes come in any pieces.

#include <optional>
#include <string>

#include "accel/net/http_client.hpp"
#include "wire/wire.hpp"

namespace accel::endpoints {

inline constexpr std::uint64_t kMaxReplyBytes = 64U << 20U;

class ReplyReader {
 public:
  // `content_type` decides whether it is a stream: servers may answer at once what was asked as
  // one.
  ReplyReader(Wire wire, Operation operation, std::string_view content_type);

  // Errors: protocol, resource_exhausted, and what the server says in the middle of a stream.
  Status push(std::string_view bytes);
  // Errors: also protocol when the end of an answer is missing.
  Status finish();

  AnswerState& state() { return state_; }

 private:
  Status read_whole();

  const WireRules& rules_;
  Operation operation_;
  AnswerState state_;
  std::optional<EventReader> events_;
  std::string whole_;
};

struct Refusal {
  Error error;
  std::optional<Duration> retry_after;
};
// Of a reply that is not 2xx. The message quotes the server's words with every `key` taken out.
// A text of a server's without the key that it was sent, which it may repeat.
std::string without(std::string text, std::string_view key);

Refusal refusal_of(const net::HttpReply& reply, std::string_view endpoint, std::string_view key);

}  // namespace accel::endpoints
