// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bytes of a connection inside the binary messages of a WebSocket, by Boost.Beast; where one
// message ends has no meaning. Private to libp2p: Link. Specs: libp2p/specs websockets/README.md,
// RFC 6455.

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "accel/core/async/task.hpp"
#include "accel/core/bytes.hpp"

namespace accel::libp2p {

class WebSocket {
 public:
  using Socket = asio::ip::tcp::socket;

  explicit WebSocket(Socket socket);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // The upgrade out of HTTP, whatever the path and the origin: who is meant is settled by the
  // handshake inside. No time limit of their own. Errors: protocol (not the upgrade of a
  // WebSocket, a head above 8 KiB), unavailable, cancelled.
  Task<void> accept();
  Task<void> dial(std::string host);  // "1.2.3.4:80", for the Host header.

  // At least one byte. Errors: protocol (text, or broken frames), unavailable, cancelled.
  Task<std::size_t> read_some(std::uint8_t* at, std::size_t room);
  // One message of at most kMostPerMessage from the front. Errors: as read_some().
  static constexpr std::size_t kMostPerMessage = std::size_t{64} << 10U;
  Task<std::size_t> write_some(ByteView bytes);
  // Without a closing handshake: the sessions inside have said goodbye.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::libp2p
