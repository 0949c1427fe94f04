// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a server connection does to its socket: read into a fixed buffer, gathered sends, slices of
// files. Each tries first and waits only when the stream says so, with a deadline in the watch that
// the ticker enforces. Lives on the connection's strand; one read and one send may run at once.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "accel/net/http_server.hpp"
#include "connection_watch.hpp"
#include "progress_guard.hpp"
#include "read_buffer.hpp"
#include "server_stream.hpp"
#include "socket.hpp"

namespace accel::net {

// Up to three pieces of text that leave in one system call.
using Pieces = std::array<std::string_view, 3>;

class ConnectionIo {
 public:
  ConnectionIo(Socket socket, ConnectionWatch& watch, const ServerLimits& limits);

  // Over TLS from here on, once the handshake is done. Errors: cancelled, protocol, internal.
  Task<void> start_tls(TlsServerContext& context);
  // What the handshake agreed on: "h2", "http/1.1", or nothing.
  std::string_view protocol() const { return stream_->protocol(); }

  // Reads what there is; 0 at the end of the stream or when the connection broke.
  Task<std::size_t> read();
  ReadBuffer& buffer() { return buffer_; }

  // Sends all of it; more: keep it back until the next send. Errors: cancelled when the client is
  // gone, io.
  Task<void> send(Pieces pieces, bool more);
  // What the client takes at once, without waiting; the bytes sent. send_rest() goes on from there
  // with the same pieces.
  std::size_t send_now(const Pieces& pieces);
  Task<void> send_rest(Pieces pieces);
  // Errors: as send(); corrupt when the file ends before the slice.
  Task<void> send_slice(FileSlice slice);
  // Body bytes for the statistics are counted by the callers.

  // No more will be sent.
  void shut_write();
  // A last word that may get lost: one system call, no waiting.
  void send_best_effort(std::string_view text);
  ProgressGuard& guard() { return guard_; }
  int fd() { return socket_.native_handle(); }

 private:
  Task<void> send_from(Pieces pieces, std::size_t sent, bool more);
  Task<std::size_t> read_plain();
  Task<void> wait_for(Outcome wanted);
  Task<void> wait_to_send(Outcome wanted);
  void our_turn_again();

  Socket socket_;
  std::unique_ptr<ServerStream> stream_;  // On the socket.
  ConnectionWatch& watch_;
  ReadBuffer buffer_;
  ProgressGuard guard_;
  std::size_t sent_now_ = 0;  // Of what send_rest() sends.
  bool is_plain_ = true;      // No TLS.
  bool waited_ = false;
};

}  // namespace accel::net
