// SPDX-License-Identifier: Apache-2.0
// Replies of servers of every protocol, in two pieces: the first byte says which protocol,
// operation and type of content. What is read is within the limits; pieces add up to the answer.
#include "../../src/endpoints/wire/reply_reader.hpp"

#include <array>

namespace ep = accel::endpoints;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

constexpr std::array<const char*, 3> kTypes{"application/json", "text/event-stream",
                                            "application/x-ndjson"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto wire = static_cast<ep::Wire>(data[0] % 6);
  const auto operation = static_cast<ep::Operation>(data[0] / 6 % 4);
  const char* const type = kTypes[data[0] / 24 % kTypes.size()];
  const std::string_view text = accel::as_text({data + 1, size - 1});
  ep::ReplyReader reader(wire, operation, type);
  const std::size_t half = text.size() / 2;
  const bool pushed = reader.push(text.substr(0, half)) && reader.push(text.substr(half));
  const bool whole = pushed && reader.finish();
  const ep::Answer& answer = reader.state().answer;
  std::string words;
  for (const ep::Piece& piece : reader.state().take_pieces()) {
    words += piece.content;
    if (piece.call) require(*piece.call < answer.calls.size());
  }
  require(words == answer.text);
  require(answer.calls.size() <= ep::kMaxCalls && answer.models.size() <= ep::kMaxListed + 1);
  if (whole && operation == ep::Operation::text) require(!answer.finish.empty());
  accel::net::HttpReply refused;
  refused.status = 400 + data[0];
  refused.body = text.substr(0, 4096);
  const std::string message = ep::refusal_of(refused, "e", "key").error.message;
  require(message.find('\n') == message.npos && message.size() < 1024);
  return 0;
}
