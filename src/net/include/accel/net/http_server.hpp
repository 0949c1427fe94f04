// SPDX-License-Identifier: Apache-2.0
#pragma once
// An HTTP server with its own connection loop: HTTP/1.1 with keep-alive, pipelined requests in
// order, file slices by sendfile(2); HTTP/2 for clients that begin with it or agree on it in TLS;
// TLS 1.2 and 1.3 when asked; streamed bodies with backpressure, and a limit and a timeout on
// everything a client can make it hold. Used by gateway, server and node. Spec: RFC 9112, 9113.
// Threads: connections run on strands of the given executor; listen(), stop(), local() and stats()
// from any thread, but never stop() or the destructor on a thread of that executor (they wait for
// it).

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"
#include "accel/net/endpoint.hpp"
#include "accel/net/message.hpp"

namespace accel::net {

struct ServerLimits {
  std::size_t max_header_bytes = 16 * 1024;  // Request line and headers: 431 beyond.
  std::uint64_t max_body_bytes =
      8 * 1024 * 1024;  // 413 beyond, refused before it is read when announced.
  // A stranger, the longest idle one or the slowest head makes room; else 503.
  std::size_t max_connections = 1024;
  Duration header_timeout =
      std::chrono::seconds(10);  // From the first byte of a request to the end of its head.
  Duration idle_timeout = std::chrono::seconds(75);  // Between two requests of a connection.
  Duration stall_timeout =
      std::chrono::seconds(30);  // A body must move min_progress_bytes in each such window,
  std::uint64_t min_progress_bytes = 16 * 1024;  // or end: a slow reader or writer is cut off.
  Duration request_timeout =
      std::chrono::minutes(10);  // From the head to the handler's response; 0: none. Then 503.
  Duration drain_timeout =
      std::chrono::seconds(5);  // How long stop() lets running requests finish.
};

// Counters since the start.
struct ServerStats {
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t body_bytes_sent = 0;
  std::uint64_t refused_connections = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t open_connections = 0;
};

// Files in PEM: the certificate with its chain, and its private key.
struct ServerTls {
  std::string certificate;
  std::string key;
  // Certificates of who vouches for clients; given, a client without one of theirs is turned away
  // in the handshake (mutual TLS). Empty: clients need none.
  std::string client_ca{};
};

// Requests whose bodies are taken by a sink instead of being held (HTTP/1.1; over HTTP/2 they are
// held within max_body_bytes).
struct StreamedBodies {
  // By the target as it was sent, before anything else is known. Empty: none.
  std::function<bool(std::string_view target)> match{};
  std::uint64_t max_bytes = 0;  // 413 beyond.
  // After check_head. Errors refuse the request.
  std::function<Result<std::shared_ptr<RequestSink>>(const HttpRequest& head)> open{};
};

// Requests whose bodies the handler reads while they come (HTTP/2 only), by the head, after
// check_head.
using LiveCheck = std::function<bool(const HttpRequest& head)>;
// How much of a body may be held; by the head, after check_head. Over HTTP/2 the bodies of a
// connection's requests that have less than max_body_bytes count together.
using BodyLimit = std::function<std::uint64_t(const HttpRequest& head)>;
// Who counts what is held of a body, or null; by the head, after check_head.
using HoldBody = std::function<std::shared_ptr<HeldBody>(const HttpRequest& head)>;
// Whether a head that was admitted shows who sent it.
using KnownCheck = std::function<bool(const HttpRequest& head)>;
// Puts the server's own refusal of a request (over HTTP/2) into the words of the protocol that its
// head speaks; `why` when the handler failed, threw or was late. The head has neither target nor
// body.
using RefusalShape = std::function<HttpResponse(const HttpRequest& head, HttpResponse refusal,
                                                std::optional<Errc> why)>;

struct ServerOptions {
  ServerLimits limits{};
  // If given, admits each request before its body is read, so that a stranger can't make the server
  // hold one.
  HeadCheck check_head{};
  std::optional<ServerTls> tls{};  // Only TLS then.
  ReadyHandler ready{};            // May be empty.
  StreamedBodies streamed{};
  LiveCheck live{};        // May be empty.
  BodyLimit body_limit{};  // May be empty: max_body_bytes.
  HoldBody hold_body{};    // May be empty.
  // Asked until it says yes once on a connection over TCP. Connections of which it did not are
  // strangers', whatever they do, the first to go when there are too many. Empty: none is.
  KnownCheck known{};
  RefusalShape shape{};  // May be empty.
  // The same over HTTP/1.1, of requests that the handler does not get; `why` when check_head or a
  // sink refused. The head has no body. May be empty.
  RefusalShape shape_http1{};
};

class HttpServer {
 public:
  // Binds and starts to accept. Errors: unavailable (the address is in use, or another process
  // listens on the socket), permission_denied, invalid_argument (a host that is no address, a path
  // too long or no socket, a certificate and key that can't be used), io.
  static Result<std::unique_ptr<HttpServer>> listen(boost::asio::any_io_executor executor,
                                                    Endpoint endpoint, HttpHandler handler,
                                                    ServerOptions options = {});
  ~HttpServer();  // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The endpoint with the port that the kernel chose.
  const Endpoint& local() const;
  // "http://127.0.0.1:8080", "https://127.0.0.1:8443", "unix:/run/api.sock"
  std::string base_url() const;
  // Stops accepting, closes idle connections, lets running requests finish for drain_timeout, then
  // stops their tokens, cuts their connections and waits for their handlers. When it returns no
  // handler runs. Idempotent.
  void stop();
  ServerStats stats() const;

 private:
  class Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // Shared with the server's own coroutines only.
};

}  // namespace accel::net
