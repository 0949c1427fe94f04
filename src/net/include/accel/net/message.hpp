// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a handler of the HTTP server receives and returns. Used by gateway, server and node's API.
// Ownership: plain values; a response owns its body or shares the file descriptors of its slices.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "accel/core/async/task.hpp"
#include "accel/core/bytes.hpp"
#include "accel/core/file.hpp"
#include "accel/net/headers.hpp"

namespace accel::net {

// Takes a body as it arrives, so that one of any size needs the memory of a piece. Called by the
// connection, one call at a time; a slow sink slows the client. An error refuses the request with
// its status and closes the connection.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  virtual Task<void> take(std::string piece) = 0;
};

// A body that is read while it comes, for protocols in which both sides speak at once. What is not
// read yet holds the client back (HTTP/2's window of the stream). On the connection's strand.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // What has come and was not taken yet, perhaps nothing; never waits.
  virtual std::string take() = 0;
  // Nothing comes behind what take() gives.
  virtual bool ended() const = 0;
  // Returns when take() has something, or the end has come. Errors: cancelled (the client took its
  // request back).
  virtual Task<void> wait() = 0;
};

// Counts what is held of a body, while it comes and until the request is over.
class HeldBody {
 public:
  virtual ~HeldBody() = default;
  // So many bytes from now on. An error refuses the request with its status.
  virtual Status hold(std::uint64_t bytes) = 0;
};

struct HttpRequest {
  std::string method;  // Upper case as sent: "GET".
  std::string target;  // As sent, for messages: "/ipfs/bafy…?format=raw".
  // The part before '?', still percent-encoded; split_path() decodes it. Empty for CONNECT, whose
  // target is a host and port: a handler that answers it with 200 gets what comes through the
  // tunnel as the next requests of the connection.
  std::string path;
  std::string query;  // The part after '?', still encoded; query_value() decodes it.
  Headers headers;
  std::string body;                          // Complete, at most ServerLimits::max_body_bytes.
  std::shared_ptr<HeldBody> held = nullptr;  // Of `body`, when ServerOptions::hold_body counts it.
  // Instead of `body`, when the server's options open one for this request (HTTP/1.1).
  std::shared_ptr<RequestSink> sink = nullptr;
  // Instead of `body`, when ServerOptions::live wants it for this request (HTTP/2); the handler is
  // called as soon as the head is complete, and bounds the times and the bytes of the rest.
  std::shared_ptr<BodySource> source = nullptr;
  bool over_unix_socket = false;  // What the listener is, whatever became of the client.
  std::string remote;             // "127.0.0.1:50312" or "unix".
};

// A piece of an open file, sent with sendfile(2). The file must not shrink while it is sent.
struct FileSlice {
  std::shared_ptr<const UniqueFd> fd;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Where a streamed body goes. Each call returns when the bytes are in the kernel's hands or in a
// short queue (HTTP/2), so a slow client slows the writer. Errors: cancelled when the client is
// gone or the server stops, timeout when the client reads too slowly.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual Task<void> write(std::string chunk) = 0;
  virtual Task<void> send(FileSlice slice) = 0;
};

// A body that is made while it is sent: chunked, or with Content-Length when length is known (then
// the writer must write exactly that much). When write() fails the connection is cut, so that the
// client can tell.
struct StreamBody {
  std::function<Task<void>(BodyWriter&)> write;
  std::optional<std::uint64_t> length;
};

using Body = std::variant<std::monostate, std::string, std::vector<FileSlice>, StreamBody>;

// The server adds Date, Content-Length or Transfer-Encoding, and Connection; it drops the body for
// HEAD, 204 and 304.
struct HttpResponse {
  int status = 200;
  Headers headers;
  Body body;
  // Fields behind the body (HTTP/2; HTTP/1.1 drops them). Read when the body has ended, so that a
  // StreamBody can fill them in. Not for a response without a body.
  std::shared_ptr<const Headers> trailers = nullptr;
};

// Runs on the server's executor: never blocks (use OffloadPool). The token is stopped when the
// client is gone, the request's deadline has passed or the server stops. A returned error becomes
// error_response(). The std::function outlives every call.
using HttpHandler = std::function<Task<HttpResponse>(HttpRequest, std::stop_token)>;

// Looks at a request before its body is read, and before "100 Continue": of the body there is at
// most what came together with the head. An error is answered as error_response() and the
// connection closes. Runs on the server's executor: never blocks.
using HeadCheck = std::function<Status(const HttpRequest& head)>;

// An answer of 200 that is ready to go: `fields` are header lines, each with its CRLF, without
// those that the server adds. Whoever makes it answers for their syntax.
struct ReadyResponse {
  std::string fields;
  std::shared_ptr<const Bytes> body;
  std::shared_ptr<void> place;  // Let go of once it is sent.
};

// Asked before the handler about requests without a body, in HTTP/1.1 only: nothing means that the
// handler answers. Never blocks, and must not do what takes longer than looking things up.
using ReadyHandler = std::function<std::optional<ReadyResponse>(const HttpRequest&)>;

HttpResponse text_response(int status, std::string text);  // text/plain; charset=utf-8
HttpResponse json_response(int status, std::string json);  // application/json

// The one table Errc -> HTTP status and gRPC status. server/ uses it too.
int http_status_of(Errc code);
int grpc_status_of(Errc code);
// Of a reply: the Errc that fits its status (404 not_found, 401 unauthenticated, 503 unavailable,
// …).
Errc errc_of_http_status(int status);
// Plain text with the error's sentence; the cause stays in the log.
HttpResponse error_response(const Error& error);
std::string_view reason_phrase(
    int status);  // "Not Found"; "Unknown" for what RFC 9110 does not name.

}  // namespace accel::net
