// SPDX-License-Identifier: Apache-2.0
// Hosts that meet over WebSockets, and clients that speak them badly.
#include "websocket.hpp"

#include <gtest/gtest.h>

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "accel/core/async/task_group.hpp"
#include "echo_stream.hpp"
#include "live_node.hpp"
#include "remote.hpp"

namespace accel::libp2p {
namespace {

using namespace std::chrono_literals;
using Tcp = asio::ip::tcp;

const std::string kWs = "/ip4/127.0.0.1/tcp/0/ws";
const std::string kCount = "/count/1.0.0";

Task<std::size_t> echoed(Host& host, PeerId peer, std::size_t size) {
  std::vector<std::string> protocols{kCount};
  auto opened = co_await host.open(std::move(peer), std::move(protocols));
  if (!opened) co_return fail(opened.error());
  const std::unique_ptr<Stream> stream = std::move(*opened);
  co_await asio::this_coro::throw_if_cancelled(false);  // The join below must come.
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup writing(executor);
  writing.spawn(write_and_close(*stream, size));
  std::vector<std::byte> buffer(100'000);
  std::size_t total = 0;
  for (;;) {
    const auto read = co_await stream->read_some(buffer);
    if (!read || *read == 0) break;
    total += *read;
  }
  const Status joined = co_await writing.join();
  ACCEL_CO_CHECK(joined);
  co_return total;
}

struct WsNode : LiveNode {
  explicit WsNode(HostOptions options = {}) : LiveNode(std::move(options), kWs) {
    host->handle(kCount, echo);
  }
};

HostOptions only(Security security) {
  HostOptions options;
  options.security = {security};
  return options;
}

TEST(WebSocketHost, says_in_its_addresses_what_it_is) {
  WsNode server;
  const std::string text = server.bare().to_string();
  EXPECT_TRUE(text.ends_with("/ws")) << text;
  EXPECT_GT(stream_target(server.bare())->tcp.port, 0);
}

TEST(WebSocketHost, carries_streams_of_any_size_both_ways) {
  for (const Security security : {Security::noise, Security::tls}) {
    WsNode server(only(security));
    LiveNode client(only(security));
    ASSERT_TRUE(client.connect(server.address()));
    for (const std::size_t size : {0UL, 1UL, 70'000UL, 5'000'000UL}) {
      const auto back = sync_wait(client.io.executor(), echoed(*client.host, server.id(), size));
      EXPECT_EQ(back.value(), size);
    }
    EXPECT_EQ(client.connections().at(0).remote, server.bare());
    ASSERT_EQ(server.connections().size(), 1U);
    EXPECT_TRUE(server.connections()[0].remote.to_string().ends_with("/ws"));
  }
}

TEST(WebSocketHost, stands_beside_a_listener_on_tcp_and_is_dialed_after_it) {
  HostOptions options;
  WsNode server;
  LiveNode client;
  const auto refused = Multiaddr::parse("/ip4/127.0.0.1/tcp/1").value();
  ASSERT_TRUE(client.reach(server.id(), {server.bare(), refused}));
  EXPECT_EQ(client.counters().dials, 2U);
  EXPECT_EQ(client.connections().at(0).remote, server.bare());
}

TEST(WebSocketHost, is_told_to_others_by_identify) {
  HostOptions both;
  both.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value(), Multiaddr::parse(kWs).value()};
  LiveNode server(std::move(both));
  LiveNode client;
  ASSERT_TRUE(client.connect(server.address()));
  EXPECT_TRUE(client.eventually([&] { return client.connections().at(0).listens.size() == 2; }));
  const auto known = client.addresses_of(server.id());
  EXPECT_NE(std::ranges::find(known, server.host->addresses().at(1)), known.end());
}

// Over a WebSocket of this machine: who is at its other end is not known.
TEST(WebSocketHost, is_not_believed_about_addresses_of_this_machine) {
  WsNode server;
  LiveNode client;
  ASSERT_TRUE(client.connect(server.address()));
  EXPECT_TRUE(client.eventually([&] { return !client.connections().at(0).protocols.empty(); }));
  EXPECT_TRUE(client.connections().at(0).listens.empty());
}

TEST(WebSocketHost, refuses_a_peer_that_is_not_the_one_meant) {
  WsNode server;
  LiveNode other;
  LiveNode client;
  const auto connected = client.connect(server.bare().with_peer(other.id()));
  EXPECT_EQ(connected.error().code, Errc::unauthenticated);
}

TEST(WebSocketHost, belongs_to_a_private_swarm_too) {
  HostOptions inside;
  inside.swarm_key.emplace();
  WsNode server(inside);
  LiveNode member(inside);
  HostOptions impatient;
  impatient.limits.handshake_timeout = 500ms;
  LiveNode stranger(impatient);
  EXPECT_TRUE(member.connect(server.address()));
  EXPECT_FALSE(stranger.connect(server.address()));
}

TEST(WebSocketHost, says_that_a_server_speaks_no_websocket) {
  LiveNode plain;
  HostOptions impatient;
  impatient.limits.handshake_timeout = 1s;
  LiveNode client(impatient);
  const auto connected = client.connect(with_websocket(plain.bare()).with_peer(plain.id()));
  ASSERT_FALSE(connected);
  EXPECT_TRUE(connected.error().code == Errc::protocol ||
              connected.error().code == Errc::unavailable);
}

// A client that writes bytes by hand.
struct Crude {
  explicit Crude(const WsNode& server) : socket(context) {
    socket.connect({asio::ip::address_v4::loopback(), stream_target(server.bare())->tcp.port});
  }
  void send(const std::string& bytes) {
    boost::system::error_code ignored;
    asio::write(socket, asio::buffer(bytes), ignored);
  }
  void upgrade() {
    send(
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    std::string head;
    asio::read_until(socket, asio::dynamic_buffer(head), "\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101")) << head;
  }
  bool is_closed() {
    std::string rest;
    boost::system::error_code ec;
    asio::read(socket, asio::dynamic_buffer(rest), ec);
    return static_cast<bool>(ec);
  }
  asio::io_context context;
  Tcp::socket socket;
};

HostOptions hurried() {
  HostOptions options;
  options.limits.first_bytes_timeout = 300ms;
  options.limits.handshake_timeout = 2s;
  return options;
}

TEST(WebSocketHost, lets_nobody_in_without_the_upgrade) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("\x13/multistream/1.0.0\n"),
        std::string("POST / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"),
        std::string(1, '\0'), std::string(),
        "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n"}) {
    WsNode server(hurried());
    Crude client(server);
    client.send(bytes);
    EXPECT_TRUE(client.is_closed());
    EXPECT_TRUE(server.eventually([&] { return server.counters().handshake_failures == 1; }));
    LiveNode honest;
    EXPECT_TRUE(honest.connect(server.address()));
  }
}

TEST(WebSocketHost, ends_who_breaks_the_frames) {
  using namespace std::string_literals;
  const std::string masked_hello = "\x81\x85\0\0\0\0hello"s;  // Text.
  for (const std::string& frames :
       {"\x82\x05hello"s,                                     // Not masked.
        masked_hello, "\x80\x85\0\0\0\0hello"s,               // Continues nothing.
        "\xf2\x80\0\0\0\0"s,                                  // Reserved bits.
        "\x8b\x80\0\0\0\0"s,                                  // An opcode that nobody knows.
        "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"s,  // 2^64 - 1 bytes follow.
        "\x89\xfe\x10\x00\0\0\0\0"s,                          // A ping above 125 bytes.
        "\x88\x80\0\0\0\0"s}) {                               // Goodbye.
    WsNode server(hurried());
    Crude client(server);
    client.upgrade();
    client.send(frames);
    EXPECT_TRUE(client.is_closed());
    EXPECT_TRUE(server.eventually([&] { return server.counters().handshake_failures == 1; }));
  }
}

TEST(WebSocketHost, does_not_wait_for_who_upgrades_and_says_nothing) {
  WsNode server(hurried());
  Crude client(server);
  client.upgrade();
  EXPECT_TRUE(client.is_closed());
}

TEST(WebSocketHost, does_not_live_on_pings_and_empty_messages) {
  using namespace std::string_literals;
  WsNode server(hurried());
  Crude client(server);
  client.upgrade();
  for (int i = 0; i < 200; ++i) client.send("\x89\x80\0\0\0\0\x82\x80\0\0\0\0"s);
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(server.eventually([&] { return server.counters().handshake_failures == 1; }));
}

}  // namespace
}  // namespace accel::libp2p
