// SPDX-License-Identifier: Apache-2.0
#pragma once
// The head of a reply and the chunks of its body, out of the bytes of a connection: Beast's parser
// with our limits. Bodies with a length or up to the end of the connection do not pass through it:
// HttpExchange reads them in place. No I/O: HttpExchange feeds it, so do the tests and the fuzzer.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "accel/net/http_client.hpp"

namespace accel::net {

class ReplyParser {
 public:
  // head_request: the reply to HEAD, which has no body whatever its headers say.
  ReplyParser(std::size_t max_header_bytes, bool head_request);
  ~ReplyParser();
  ReplyParser(ReplyParser&&) noexcept;
  ReplyParser& operator=(ReplyParser&&) noexcept;

  // Takes bytes of the head, none beyond it; what it left must be offered again with more behind
  // it. Errors: protocol.
  Result<std::size_t> feed_head(std::string_view bytes);
  bool head_done() const;

  // After head_done().
  int status() const;
  const Headers& headers() const;
  Headers take_headers();
  bool keep_alive() const;
  enum class BodyKind { none, length, chunked, to_end };
  BodyKind body_kind() const;
  std::uint64_t body_length() const;  // For BodyKind::length.

  // For BodyKind::chunked: gives the decoded pieces to sink; returns how many bytes it took.
  // Errors: protocol, the sink's.
  Result<std::size_t> feed_chunks(std::string_view bytes, const BodySink& sink);
  bool body_done() const;  // The last chunk and its trailer were seen.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::net
