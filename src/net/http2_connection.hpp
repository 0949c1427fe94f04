// SPDX-License-Identifier: Apache-2.0
#pragma once
// One client's HTTP/2 connection: a loop that reads, a loop that writes, and a task for each
// request, all on the connection's strand. Lives in the frame of Connection::run(), which found out
// that the client speaks HTTP/2.

#include <functional>
#include <memory>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "accel/core/async/task_group.hpp"
#include "connection.hpp"
#include "http2_session.hpp"
#include "wakeup.hpp"

namespace accel::net {

class Http2Connection {
 public:
  // All of them must outlive it; bytes that were read already lie in io's buffer.
  Http2Connection(Executor executor, ConnectionIo& io, ConnectionWatch& watch, const Peer& peer,
                  ConnectionShared& shared);

  // Returns when the connection is over and no handler of it runs.
  Task<void> run();

 private:
  struct Exchange;  // One request and its response.
  class StreamWriter;
  class Source;
  using ExchangePtr = std::shared_ptr<Exchange>;

  Task<void> read_loop();
  Task<void> write_loop();
  Task<void> serve(ExchangePtr exchange, HttpRequest request);
  Task<HttpResponse> call_handler(ExchangePtr exchange, HttpRequest request);
  HttpResponse answer_to_failure(const std::string& request, const Error& error);
  Task<void> write_stream(ExchangePtr exchange, StreamBody stream);
  Http2Events events();
  void start(StreamId stream, HttpRequest request, std::optional<HttpResponse> refusal);
  // True when a body follows.
  bool send_response(const ExchangePtr& exchange, HttpResponse response);
  void start_body(const ExchangePtr& exchange, Body body);
  void start_pending();
  void note_sent();
  void set_deadline();
  void ask_all_to_stop();
  bool has_too_many_handlers() const;
  Task<void> wait_until_drained();

  struct Pending {
    StreamId stream = 0;
    HttpRequest request;
    std::optional<HttpResponse> refusal;
  };

  Executor executor_;
  ConnectionIo& io_;
  ConnectionWatch& watch_;
  const Peer& peer_;
  ConnectionShared& shared_;
  Http2Session session_;
  std::unordered_map<StreamId, ExchangePtr> open_;
  std::vector<Pending> pending_;  // Told by the session while it is fed.
  Wakeup output_;                 // There may be something to write.
  Wakeup drained_;                // The session may be fed again.
  ProgressGuard send_guard_;      // Of response bytes.
  ProgressGuard receive_guard_;   // Of request bodies.
  std::uint64_t sent_before_ = 0;
  SteadyTime idle_until_;
  bool said_goodbye_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // For what is posted.
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
  TaskGroup tasks_;  // Last: its tasks refer to the rest.
};

}  // namespace accel::net
