// SPDX-License-Identifier: Apache-2.0
#pragma once
// The protocol state of one HTTP/2 connection of the server: frames in, requests out; responses in,
// frames out. nghttp2 does framing, HPACK, flow control and the checks of RFC 9113; limits and the
// shape of requests are ours. No I/O and no coroutines: Http2Connection feeds it, so do the tests
// and the fuzzer. Not thread-safe. Spec: RFC 9113 (the server's part, without push).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"
#include "accel/net/http_server.hpp"
#include "accel/net/message.hpp"
#include "http2_body.hpp"

namespace accel::net {

// The first bytes of a client that speaks HTTP/2.
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr std::uint32_t kMaxHttp2Streams = 128;  // Requests at once on a connection.

using StreamId = std::int32_t;

// The body of a request that is read while it comes. Filled by the session, emptied by the
// handler's side, which tells the session how much it took (consume()).
struct Http2Incoming {
  std::string bytes;
  bool ended = false;             // The client has sent all of it.
  bool closed = false;            // The stream is over: who still waits for the body waits in vain.
  bool unwanted = false;          // Nobody reads any more: what still comes is not kept.
  std::function<void()> changed;  // May be empty.
};

// What happens while bytes are fed or frames are made; called from within feed() and output().
struct Http2Events {
  // The head is complete; an error refuses the request before its body is read.
  std::function<Status(HttpRequest& head)> on_head;
  // Whether the body is read while it comes; asked after on_head admitted it. May be empty.
  std::function<bool(const HttpRequest& head)> is_live{};
  // Asked then too; empty: ServerLimits::max_body_bytes. See ServerOptions::body_limit.
  BodyLimit body_limit{};
  HoldBody hold_body{};  // May be empty.
  // Complete, or live: then its body is to come, in incoming(); or refused: then `refusal` is the
  // answer and the request has its head only.
  std::function<void(StreamId, HttpRequest, std::optional<HttpResponse> refusal)> on_request;
  std::function<void(StreamId)> on_closed;  // Only of streams that on_request told of.
};

class Http2Session {
 public:
  Http2Session(const ServerLimits& limits, Http2Events events);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Errors: protocol (the connection can't go on; output() still has the frame that says why).
  Status feed(std::string_view bytes);
  // The next bytes to send, valid until the next call; empty when there are none now.
  Result<std::string_view> output();

  // The head of a response with its trailers, what it says of its length, and where its bytes will
  // come from; body nullptr: it has none. Errors: internal (a header that HTTP can't carry).
  Status respond(StreamId stream, const HttpResponse& head, std::optional<std::uint64_t> length,
                 std::shared_ptr<Http2Body> body);
  // Of a live request that is open; else null.
  std::shared_ptr<Http2Incoming> incoming(StreamId stream);
  // So many bytes of a live body were taken: the client may send as many again.
  void consume(StreamId stream, std::size_t bytes);
  // More of its body waits, or it ended.
  void body_grew(StreamId stream);
  // The body can't be finished: the client is told that it is incomplete.
  void abort(StreamId stream);
  // No new requests; those that are open are answered.
  void go_away();

  std::size_t open_streams() const;
  bool is_over() const;       // Nothing will be read or sent any more.
  bool is_receiving() const;  // A request's body is on its way, and it is not a live one.
  // The client does not read what it causes: feed no more until output() has made this false.
  bool is_backed_up() const;
  // Response bytes wait; when output() is empty, then for the client's windows.
  bool has_waiting_bytes() const;
  std::uint64_t body_bytes_sent() const;

  struct Impl;  // Named by nghttp2's callbacks.

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::net
