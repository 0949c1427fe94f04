// SPDX-License-Identifier: Apache-2.0
#pragma once
// A TCP connection with what was read ahead of it. Private to libp2p: upgrade() and Connection.

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>

#include "accel/core/async/task.hpp"
#include "accel/core/raw_buffer.hpp"
#include "private_swarm.hpp"

namespace accel::libp2p {

class Link {
 public:
  using Socket = asio::ip::tcp::socket;

  explicit Link(Socket socket);
  // All that passes is of a private swarm. Before the first byte.
  void make_private(const crypto::Secret32& key, Random& random) { private_.emplace(key, random); }

  // What came and was not taken yet.
  RawBuffer& in() { return in_; }
  // Reads at least one byte more. Errors: unavailable (the peer has closed, or the line is cut).
  Task<void> fill();
  // Sends all of it and empties it. Errors: unavailable.
  Task<void> send(RawBuffer& out);
  // What the system takes at once; for a last word.
  void send_now(RawBuffer& out);
  void close();

  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  Task<std::size_t> read_more();

  Socket socket_;
  std::optional<PrivateSwarm> private_;
  RawBuffer in_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

}  // namespace accel::libp2p
