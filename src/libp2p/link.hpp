// SPDX-License-Identifier: Apache-2.0
#pragma once
// A connection over TCP or a WebSocket with what was read ahead of it. Private to libp2p: upgrade()
// and Connection.

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>

#include "accel/core/async/task.hpp"
#include "accel/core/raw_buffer.hpp"
#include "private_swarm.hpp"
#include "websocket.hpp"

namespace accel::libp2p {

class Link {
 public:
  using Socket = asio::ip::tcp::socket;

  explicit Link(Socket socket);
  // From now on inside a WebSocket, which this side accepts or (with a Host header) dials. Before
  // the first byte. Errors: as WebSocket.
  Task<void> accept_websocket();
  Task<void> dial_websocket(std::string host);
  // All that passes is of a private swarm. Before the first byte.
  void make_private(const crypto::Secret32& key, Random& random) { private_.emplace(key, random); }

  // What came and was not taken yet.
  RawBuffer& in() { return in_; }
  // Reads at least one byte more. Errors: unavailable (the peer has closed, or the line is cut).
  Task<void> fill();
  // Sends all of it and empties it. Errors: unavailable.
  Task<void> send(RawBuffer& out);
  // What the system takes at once; for a last word. A WebSocket takes none.
  void send_now(RawBuffer& out);
  void close();

  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  Task<std::size_t> read_more();

  Socket socket_;                         // Unless there is a
  std::unique_ptr<WebSocket> websocket_;  // that has taken it.
  std::optional<PrivateSwarm> private_;
  RawBuffer in_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

}  // namespace accel::libp2p
