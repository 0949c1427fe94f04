// SPDX-License-Identifier: Apache-2.0
#pragma once
// An HTTP/1.1 client: a pool of kept connections per origin, timeouts, redirects, bodies streamed
// to a sink or read straight into the caller's buffer, a limit on every body, http, https (the
// system's CAs, names verified) and Unix sockets. Used by exchange (fetching blocks), cli (the
// daemon's API) and inference's remote engines. Threads: every method may be called from any
// coroutine or thread; a call runs on its awaiter's executor. Errors of every call: a sentence with
// the URL. unavailable (no connection, name not found, dropped), timeout (connect, idle, total),
// protocol (not HTTP, too much or too little sent, redirect loop), unauthenticated (certificate),
// cancelled (stop token), resource_exhausted (a limit of ours), invalid_argument, and whatever a
// sink returned.

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "accel/core/async/task.hpp"
#include "accel/core/bytes.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"
#include "accel/net/headers.hpp"
#include "accel/net/url.hpp"

namespace accel::net {

struct ClientOptions {
  Duration connect_timeout = std::chrono::seconds(10);  // Name, TCP and TLS together.
  Duration idle_timeout = std::chrono::seconds(30);     // No byte moved, head or body.
  Duration total_timeout = Duration::zero();  // The whole call with its redirects; 0: none.
  int max_redirects = 5;
  std::size_t max_header_bytes = 32 * 1024;
  std::size_t max_idle_per_origin = 64;
  std::size_t max_idle = 256;
  Duration keep_idle =
      std::chrono::seconds(60);  // A pooled connection older than this is not used again.
  std::string user_agent = "ipfs-accelerate";
  std::string ca_file;  // Certificates in PEM, trusted besides the system's; may be empty.
};

// Gets the body of a 2xx reply piece by piece, on the caller's executor; must not block. An error
// ends the call with it.
using BodySink = std::function<Status(ByteView)>;
// Looks at the head of a 2xx reply before a byte of its body is read, so that a body that nobody
// wants is not paid for. An error ends the call with it and closes the connection.
using HeadSink = std::function<Status(int status, const Headers& headers)>;

inline constexpr std::uint64_t kDefaultMaxReplyBytes = 16 * 1024 * 1024;
// A body that is not 2xx is kept as text up to this, and cut there: it is only read by people.
inline constexpr std::size_t kMaxErrorBodyBytes = 64 * 1024;

struct HttpCall {
  std::string method = "GET";
  Headers headers;
  std::string body;  // Sent with Content-Length.
  std::uint64_t max_body_bytes =
      kDefaultMaxReplyBytes;     // A 2xx body beyond this is Errc::protocol and cut off.
  BodySink on_chunk;             // Without it the body lands in HttpReply::body.
  HeadSink on_head;              // May be empty.
  bool follow_redirects = true;  // Else a redirect is a reply like any other.
  std::stop_token stop;
  // Addresses of this machine are refused, as behind a redirect from the network: for a URL that
  // such a redirect named and the caller kept.
  bool network_only = false;
  Duration total_timeout = Duration::zero();  // Over ClientOptions::total_timeout when not zero.
};

struct HttpReply {
  int status = 0;
  Headers headers;
  Url url;                       // The one that answered, after redirects.
  std::string body;              // Empty when a sink or a buffer took it.
  std::uint64_t body_bytes = 0;  // Bytes of body received, wherever they went.
  bool reused_connection = false;

  bool ok() const { return status >= 200 && status < 300; }
};

class HttpClient {
 public:
  explicit HttpClient(boost::asio::any_io_executor executor, ClientOptions options = {});
  ~HttpClient();  // Every call must have ended.
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // A reply of any status is a value; see the errors above.
  Task<HttpReply> request(Url url, HttpCall call);
  // Reads a 2xx body straight into out (which must live until the task ends): no copy after the
  // first few kB. body_bytes says how much came; more than out holds is Errc::protocol.
  // call.on_chunk, if set, is shown the bytes once they lie in out; max_body_bytes is not used.
  Task<HttpReply> get_into(Url url, HttpCall call, std::span<std::uint8_t> out);
  // Closes the pooled connections.
  void close_idle();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // Shared with the calls in flight only.
};

// An error for a reply that is not 2xx: its status, URL and the first line of its text.
Error reply_error(const HttpReply& reply);

}  // namespace accel::net
