// SPDX-License-Identifier: Apache-2.0
#pragma once
// One client's connection to the server. In HTTP/1.1: read a request, call the handler, send the
// response, again; requests that were pipelined wait in the buffer and are answered in order. A
// client that speaks HTTP/2 (by ALPN, or by its first bytes) is handed on to Http2Connection. Made
// by HttpServer, lives in the frame of its task on its own strand.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "accel/net/http_server.hpp"
#include "connection_io.hpp"
#include "connection_watch.hpp"
#include "request_parser.hpp"
#include "response_head.hpp"

namespace accel::net {

// Shared by all connections of a server.
struct ServerCounters {
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> body_bytes_sent{0};
  std::atomic<std::uint64_t> refused_connections{0};
  std::atomic<std::uint64_t> timeouts{0};
};

// What the server's owner wants of every connection.
struct ConnectionRules {
  HttpHandler handler;
  HeadCheck check_head;  // May be empty.
  ReadyHandler ready;    // May be empty.
  ServerLimits limits;
  std::shared_ptr<TlsServerContext> tls;  // nullptr: plain.
  StreamedBodies streamed;
  LiveCheck live;            // May be empty.
  BodyLimit body_limit;      // May be empty.
  HoldBody hold_body;        // May be empty.
  KnownCheck known;          // May be empty.
  RefusalShape shape;        // May be empty.
  RefusalShape shape_http1;  // The same.
};

struct ConnectionShared : ConnectionRules {
  ServerCounters counters;
  std::atomic<bool> draining{false};
};

// Who is at the other end.
struct Peer {
  std::string name;  // As HttpRequest::remote.
  bool over_unix_socket = false;
};

// Whether a request may come in, by its head. Errors: as the check says; internal when it threw.
// The watch learns whether somebody vouches for the client.
Status admit(const ConnectionRules& rules, const HttpRequest& head, ConnectionWatch& watch);
// The answer to a request whose handler failed; the log keeps the rest.
HttpResponse failure_response(const std::string& request, const Error& error);

class Connection {
 public:
  Connection(Socket socket, Peer peer, ConnectionShared& shared);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Returns when the connection is over; the socket closes with this object.
  Task<void> run();

  const std::shared_ptr<ConnectionWatch>& watch() const { return watch_; }
  int fd() { return io_.fd(); }

 private:
  enum class Read { request, refused, closed };

  // TLS, where it is wanted, and the first bytes; true when the client speaks HTTP/2. Errors: the
  // connection is over.
  Task<bool> open();
  Task<void> run_http1();

  Task<Read> read_request(RequestParser& parser);
  Read refuse_request(RequestParser& parser, Refusal why);
  HttpResponse shaped(const HttpRequest& head, HttpResponse refusal, std::optional<Errc> why) const;
  Status check_head(RequestParser& parser);
  // Whether what has come of a body, and what is announced of it, may be held. Fills refusal_.
  bool may_hold_body(RequestParser& parser);
  // What has come of a body that a sink takes.
  Task<void> pass_on(RequestParser& parser);
  bool note_progress(const RequestParser& parser, SteadyTime now);
  Task<HttpResponse> call_handler(HttpRequest request);
  // True when the connection can go on.
  Task<bool> respond(RequestTraits traits, HttpResponse response);
  std::optional<ReadyResponse> ready_response(RequestParser& parser);
  Task<bool> respond_ready(bool keep_alive, ReadyResponse response);
  Task<void> send_response(const std::string& head, const Framing& framing, Body body);
  Task<void> send_stream(const std::string& head, const Framing& framing, StreamBody stream);
  Task<void> linger();

  ConnectionShared& shared_;
  std::shared_ptr<ConnectionWatch> watch_;  // Owners: this and the server's registry.
  ConnectionIo io_;
  Peer peer_;
  HttpResponse refusal_;
  std::string head_;  // Of a ready response: its memory is used again.
  unsigned ready_in_a_row_ = 0;
  std::uint64_t max_body_ = 0;  // Of the request that is being read.
  bool first_ = true;
  bool checked_head_ = false;  // Of the request that is being read.
  bool sent_continue_ = false;
};

}  // namespace accel::net
