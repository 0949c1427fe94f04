// SPDX-License-Identifier: Apache-2.0
// Replies as the client reads them: the head, then the chunks of a chunked body.
#include <cstdlib>

#include "../../src/net/reply_parser.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 64U + 1U;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  accel::net::ReplyParser parser(512, (data[0] & 0x80U) != 0);
  std::uint64_t body = 0;
  const accel::net::BodySink sink = [&](accel::ByteView bytes) {
    body += bytes.size();
    return accel::Status{};
  };
  std::size_t taken = 0;
  for (std::size_t end = 0; end < text.size();) {
    end = std::min(text.size(), end + piece);
    const std::string_view offered = text.substr(taken, end - taken);
    const bool in_head = !parser.head_done();
    if (!in_head && parser.body_kind() != accel::net::ReplyParser::BodyKind::chunked) break;
    const auto used = in_head ? parser.feed_head(offered) : parser.feed_chunks(offered, sink);
    if (!used) return 0;
    if (*used > offered.size()) std::abort();
    taken += *used;
  }
  if (body > text.size()) std::abort();
  return 0;
}
