// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a response travels: the framing that the request allows, and the bytes of its head. Pure
// functions, no I/O. Spec: RFC 9112 sections 6 and 9, RFC 9110 sections 6.6.1 (Date) and 8.6
// (Content-Length).

#include <cstdint>
#include <optional>
#include <string>

#include "accel/core/clock.hpp"
#include "accel/net/message.hpp"

namespace accel::net {

// What a response needs to know of its request.
struct RequestTraits {
  bool head = false;     // HEAD: the head of what GET would answer, without body.
  bool connect = false;  // CONNECT: a success has no body; what follows is the tunnel.
  bool http_1_0 = false;
  bool keep_alive = true;  // The client wants to go on, and the server does not drain.
};

struct Framing {
  bool send_body = true;
  bool chunked = false;
  bool keep_alive = true;
  std::optional<std::uint64_t> length;  // The Content-Length to announce.
};

Framing decide_framing(const RequestTraits& request, const HttpResponse& response);

// Bytes of a body that are known before it is sent; nullopt for a stream without length.
std::optional<std::uint64_t> body_length(const Body& body);

// Errors: internal when a name or value would break the head (CR, LF, NUL, or a name that is no
// token): a handler's bug, or text of a stranger that it did not check. Headers of framing that a
// handler set are dropped.
Result<std::string> write_head(const HttpResponse& response, const Framing& framing, WallTime now);
// The same of a response whose fields are text already, into `head`.
void write_ready_head(const ReadyResponse& response, bool keep_alive, WallTime now,
                      std::string& head);

}  // namespace accel::net
