// SPDX-License-Identifier: Apache-2.0
// What a client sends to a WebSocket listener: an upgrade and frames, or frames after a right one.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <vector>

#include "websocket.hpp"

namespace {

namespace asio = accel::asio;
using Tcp = asio::ip::tcp;

constexpr std::string_view kUpgrade =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

constexpr std::size_t kMostInput = 8192;  // What both ends answer fits into a socket's buffer.

// Bytes that came out of messages before the connection ended.
accel::Task<std::size_t> take_all(accel::libp2p::WebSocket& socket) {
  const accel::Status accepted = co_await socket.accept();
  if (!accepted) co_return accel::fail(accel::Error(accepted.error()));
  std::vector<std::uint8_t> room(512);
  std::size_t total = 0;
  for (;;) {
    const accel::Result<std::size_t> read = co_await socket.read_some(room.data(), room.size());
    if (!read) co_return total;
    if (*read == 0 || *read > room.size()) std::abort();
    total += *read;
  }
}

asio::awaitable<void> count(accel::libp2p::WebSocket& socket, std::size_t& total) {
  const accel::Result<std::size_t> taken = co_await take_all(socket);
  total = taken ? *taken : 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > kMostInput) return 0;
  static asio::io_context io;
  static Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  Tcp::socket client(io);
  client.connect(acceptor.local_endpoint());
  accel::libp2p::WebSocket socket(acceptor.accept());
  if ((data[0] & 1U) != 0) asio::write(client, asio::buffer(kUpgrade));
  asio::write(client, asio::buffer(data + 1, size - 1));
  client.shutdown(Tcp::socket::shutdown_send);
  std::size_t total = 0;
  asio::co_spawn(io, count(socket, total), asio::detached);
  io.restart();
  io.run();
  if (total > size) std::abort();
  return 0;
}
