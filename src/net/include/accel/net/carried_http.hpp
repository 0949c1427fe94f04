// SPDX-License-Identifier: Apache-2.0
#pragma once
// One HTTP/1.1 request over an ordered stream of bytes that somebody else carries, such as one of
// libp2p: read, handled, answered, over. Used by node. Everything on the awaiter's executor. Spec:
// libp2p/specs http/README.md ("Using HTTP semantics over stream transports"), RFC 9112.

#include <span>
#include <string>
#include <string_view>

#include "accel/core/clock.hpp"
#include "accel/net/message.hpp"

namespace accel::net {

class HttpCarrier {
 public:
  virtual ~HttpCarrier() = default;
  // At least one byte; 0: nothing more comes.
  virtual Task<std::size_t> read_some(std::span<char> out) = 0;
  // Returns when the bytes are on their way: a slow reader slows the writer.
  virtual Task<void> write_all(std::string_view bytes) = 0;
};

struct CarriedLimits {
  std::size_t max_header_bytes = 16 * 1024;             // 431 beyond. A body is refused (413).
  Duration header_timeout = std::chrono::seconds(10);   // All of the request.
  Duration request_timeout = std::chrono::seconds(60);  // Until the handler's response.
  Duration stall_timeout = std::chrono::seconds(30);    // For each 64 KiB of the response.
};

// The response says "Connection: close". What cannot be read as a request is answered with its
// status. Errors: unavailable (the other side has gone), timeout, and whatever the carrier says;
// those of a body that was cut.
Task<void> answer_carried(HttpCarrier& carrier, HttpHandler handler, CarriedLimits limits = {});

}  // namespace accel::net
