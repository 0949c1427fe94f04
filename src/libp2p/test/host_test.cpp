// SPDX-License-Identifier: Apache-2.0
// Two hosts of this process on loopback.
#include "accel/libp2p/host.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <future>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/libp2p/framed.hpp"
#include "echo_stream.hpp"
#include "identity.hpp"
#include "signal.hpp"

namespace accel::libp2p {
namespace {

using namespace std::chrono_literals;

const std::string kEcho = "/echo/1.0.0";

Task<std::size_t> read_to_the_end(Stream& stream) {
  std::vector<std::byte> buffer(100'000);
  std::size_t total = 0;
  for (;;) {
    const auto read = co_await stream.read_some(buffer);
    ACCEL_CO_CHECK(read);
    if (*read == 0) co_return total;
    total += *read;
  }
}

Task<std::size_t> send_and_count(Host& host, PeerId peer, std::size_t size) {
  std::vector<std::string> protocols{"/nobody/speaks/this", kEcho};
  auto opened = co_await host.open(peer, std::move(protocols));
  if (!opened) co_return fail(opened.error());
  const std::unique_ptr<Stream> stream = std::move(*opened);
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup writing(executor);
  writing.spawn(write_and_close(*stream, size));
  const auto total = co_await read_to_the_end(*stream);
  const Status joined = co_await writing.join();
  ACCEL_CO_CHECK(joined);
  co_return total;
}

Task<std::vector<ConnectionInfo>> look(Host& host) { co_return host.connections(); }
Task<HostCounters> count(Host& host) { co_return host.counters(); }

struct Node {
  explicit Node(HostOptions options = {}) {
    if (options.listen.empty()) {
      options.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
    }
    host = Host::start(io.executor(), std::move(options)).value();
    host->handle(kEcho, echo);
  }
  ~Node() {
    EXPECT_TRUE(sync_wait(io.executor(), host->shutdown()));
    host.reset();
    io.stop();
  }

  Multiaddr address() const { return host->addresses().at(0).with_peer(host->id()); }
  Result<PeerId> connect(const Multiaddr& to) {
    return sync_wait(io.executor(), host->connect(to));
  }
  Result<std::size_t> send(const PeerId& to, std::size_t size) {
    return sync_wait(io.executor(), send_and_count(*host, to, size));
  }
  std::vector<ConnectionInfo> connections() {
    return sync_wait(io.executor(), look(*host)).value();
  }
  HostCounters counters() { return sync_wait(io.executor(), count(*host)).value(); }
  template <class F>
  bool eventually(F holds) {
    for (int i = 0; i < 500; ++i) {
      if (holds()) return true;
      EXPECT_TRUE(sync_wait(io.executor(), delay(10ms)));
    }
    return false;
  }

  IoThread io;
  std::unique_ptr<Host> host;
};

HostOptions only(Security security) {
  HostOptions options;
  options.security = {security};
  return options;
}

TEST(Host, carries_a_stream_of_any_size_both_ways_over_noise) {
  Node server(only(Security::noise));
  Node client(only(Security::noise));
  EXPECT_EQ(client.connect(server.address()).value(), server.host->id());
  for (const std::size_t size : {0UL, 1UL, 1000UL, 5'000'000UL}) {
    EXPECT_EQ(client.send(server.host->id(), size).value(), size);
  }
  EXPECT_EQ(client.connections().at(0).security, Security::noise);
}

TEST(Host, introduces_itself_and_remembers_what_the_other_said) {
  HostOptions named;
  named.agent = "tester/1";
  Node server(named);
  Node client;
  ASSERT_TRUE(client.connect(server.address()));
  EXPECT_TRUE(client.eventually([&] { return client.connections().at(0).agent == "tester/1"; }));
  const auto info = client.connections().at(0);
  EXPECT_TRUE(std::ranges::find(info.protocols, kEcho) != info.protocols.end());
  EXPECT_EQ(info.listens.at(0), server.host->addresses().at(0));
  EXPECT_TRUE(info.outbound);
  EXPECT_FALSE(server.connections().at(0).outbound);
}

TEST(Host, tells_connected_peers_when_its_protocols_change) {
  Node server;
  Node client;
  ASSERT_TRUE(client.connect(server.address()));
  EXPECT_TRUE(client.eventually([&] { return !client.connections().at(0).protocols.empty(); }));
  EXPECT_TRUE(server.eventually([&] { return !server.connections().at(0).protocols.empty(); }));
  server.host->handle("/new/1.0.0", echo);
  EXPECT_TRUE(client.eventually([&] {
    const auto speaks = client.connections().at(0).protocols;
    return std::ranges::find(speaks, "/new/1.0.0") != speaks.end();
  }));
}

TEST(Host, pings) {
  Node server;
  Node client;
  ASSERT_TRUE(client.connect(server.address()));
  const auto took = sync_wait(client.io.executor(), client.host->ping(server.host->id()));
  ASSERT_TRUE(took);
  EXPECT_GT(*took, 0ns);
  EXPECT_LT(*took, 10s);
}

// How many of the streams are still there when each has been asked for an echo of 32 bytes.
Task<int> echoing_pings(Host& host, PeerId peer, int streams) {
  std::vector<std::unique_ptr<Stream>> held;
  int answered = 0;
  for (int i = 0; i < streams; ++i) {
    std::vector<std::string> protocols{"/ipfs/ping/1.0.0"};
    auto opened = co_await host.open(peer, std::move(protocols));
    if (!opened) continue;
    const Bytes sent(32, 1);
    const Status wrote = co_await (*opened)->write_all(sent);
    std::array<std::byte, 32> echoed{};
    const auto read = co_await (*opened)->read_some(echoed);
    if (wrote && read && *read > 0) ++answered;
    held.push_back(std::move(*opened));
  }
  co_return answered;
}

TEST(Host, answers_two_pings_of_a_connection_at_once_and_no_more) {
  Node server;
  Node client;
  ASSERT_TRUE(client.connect(server.address()));
  const auto answered =
      sync_wait(client.io.executor(), echoing_pings(*client.host, server.host->id(), 5));
  EXPECT_EQ(answered.value(), 2);
  EXPECT_EQ(client.send(server.host->id(), 1000).value(), 1000U);
}

TEST(Host, resets_streams_above_the_limit_of_the_host) {
  HostOptions options;
  options.limits.inbound_streams = 0;
  Node server(options);
  Node client;
  ASSERT_TRUE(client.connect(server.address()));
  EXPECT_FALSE(client.send(server.host->id(), 10));
}

TEST(Host, refuses_a_peer_that_is_not_the_one_meant) {
  Node server;
  Node client;
  SeededRandom random(5);
  const auto other = peer_id_of(crypto::Ed25519Key::generate(random));
  const auto connected = client.connect(server.host->addresses().at(0).with_peer(other));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, Errc::unauthenticated);
  EXPECT_TRUE(client.connections().empty());
}

TEST(Host, takes_whoever_answers_when_nobody_is_named) {
  Node server;
  Node client;
  EXPECT_EQ(client.connect(server.host->addresses().at(0)).value(), server.host->id());
}

TEST(Host, opens_no_stream_of_a_protocol_that_nobody_serves) {
  Node server;
  Node client;
  ASSERT_TRUE(client.connect(server.address()));
  std::vector<std::string> protocols{"/nothing"};
  const auto opened =
      sync_wait(client.io.executor(), client.host->open(server.host->id(), protocols));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::unsupported);
}

TEST(Host, says_what_cannot_be_dialed) {
  Node client;
  const auto self = client.connect(client.address());
  EXPECT_EQ(self.error().code, Errc::invalid_argument);
  const auto quic = client.connect(Multiaddr::parse("/ip4/127.0.0.1/udp/1/quic-v1").value());
  EXPECT_EQ(quic.error().code, Errc::invalid_argument);
  const auto nobody = client.connect(Multiaddr::parse("/ip4/127.0.0.1/tcp/1").value());
  EXPECT_EQ(nobody.error().code, Errc::unavailable);
  EXPECT_EQ(client.counters().dial_failures, 1U);  // What was never tried is none.
}

Task<std::vector<bool>> connect_often(Host& host, Multiaddr address, int times) {
  struct Dials {
    static Task<void> one(Host& from, Multiaddr to, std::vector<bool>& done) {
      const auto connected = co_await from.connect(std::move(to));
      done.push_back(connected.has_value());
      co_return Status{};
    }
  };
  std::vector<bool> done;
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup dials(executor);
  for (int i = 0; i < times; ++i) dials.spawn(Dials::one(host, address, done));
  const Status joined = co_await dials.join();
  ACCEL_CO_CHECK(joined);
  co_return done;
}

TEST(Host, dials_a_peer_once_however_many_ask) {
  Node server;
  Node client;
  const auto done =
      sync_wait(client.io.executor(), connect_often(*client.host, server.address(), 20));
  EXPECT_EQ(done.value(), std::vector<bool>(20, true));
  EXPECT_EQ(client.connections().size(), 1U);
  EXPECT_EQ(client.counters().dials, 1U);
}

Task<std::size_t> many_streams(Host& host, PeerId peer, std::size_t streams) {
  struct Each {
    static Task<void> one(Host& from, PeerId to, std::size_t& total) {
      auto sending = send_and_count(from, std::move(to), 10'000);
      const auto sent = co_await std::move(sending);
      ACCEL_CO_CHECK(sent);
      total += *sent;
      co_return Status{};
    }
  };
  std::size_t total = 0;
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup all(executor);
  for (std::size_t i = 0; i < streams; ++i) all.spawn(Each::one(host, peer, total));
  const Status joined = co_await all.join();
  ACCEL_CO_CHECK(joined);
  co_return total;
}

Task<std::unique_ptr<Stream>> open_echo(Host& host, PeerId peer) {
  std::vector<std::string> protocols{kEcho};
  co_return co_await host.open(std::move(peer), std::move(protocols));
}

Task<std::size_t> write_then_count(Stream& stream, std::size_t size) {
  const Status sent = co_await write_and_close(stream, size);
  ACCEL_CO_CHECK(sent);
  co_return co_await read_to_the_end(stream);
}

TEST(Host, does_not_wait_for_the_answer_to_a_protocol_that_the_peer_said_it_speaks) {
  Node server;
  Node client;
  ASSERT_TRUE(client.connect(server.address()));
  ASSERT_TRUE(client.eventually([&] { return !client.connections().at(0).protocols.empty(); }));
  std::promise<void> go_on;
  asio::post(server.io.executor(), [held = go_on.get_future().share()] { held.wait(); });
  auto stream = sync_wait(client.io.executor(), open_echo(*client.host, server.host->id()));
  go_on.set_value();
  ASSERT_TRUE(stream);
  EXPECT_EQ(sync_wait(client.io.executor(), write_then_count(**stream, 1000)).value(), 1000U);
  stream->reset();
}

TEST(Host, carries_hundreds_of_streams_at_once) {
  Node server;
  Node client;
  ASSERT_TRUE(client.connect(server.address()));
  const auto total =
      sync_wait(client.io.executor(), many_streams(*client.host, server.host->id(), 400));
  EXPECT_EQ(total.value(), 4'000'000U);
  EXPECT_TRUE(client.eventually([&] { return client.connections().at(0).streams == 0; }));
  EXPECT_TRUE(server.eventually([&] { return server.connections().at(0).streams == 0; }));
}

TEST(Host, finds_a_peer_again_by_the_address_that_worked) {
  Node server;
  Node client;
  ASSERT_TRUE(client.connect(server.address()));
  client.host->disconnect(server.host->id());
  EXPECT_TRUE(client.eventually([&] { return client.connections().empty(); }));
  EXPECT_EQ(client.send(server.host->id(), 100).value(), 100U);
}

TEST(Host, tells_who_has_gone) {
  Node server;
  std::atomic<int> gone = 0;
  {
    Node client;
    server.host->on_disconnected([&gone](const PeerId&) { ++gone; });
    ASSERT_TRUE(client.connect(server.address()));
    EXPECT_TRUE(server.eventually([&] { return server.connections().size() == 1; }));
  }
  EXPECT_TRUE(server.eventually([&] { return gone == 1; }));
}

TEST(Host, lets_nobody_in_who_is_denied) {
  Node client;
  HostOptions options;
  options.deny = {client.host->id()};
  Node server(options);
  static_cast<void>(client.connect(server.address()));
  EXPECT_TRUE(server.eventually([&] { return server.counters().inbound_refused == 1; }));
  EXPECT_TRUE(client.eventually([&] { return client.connections().empty(); }));
  EXPECT_EQ(server.connect(client.address()).error().code, Errc::permission_denied);
}

TEST(Host, refuses_connections_above_its_limits) {
  HostOptions options;
  options.limits.connections = 1;
  Node server(options);
  Node first;
  Node second;
  ASSERT_TRUE(first.connect(server.address()));
  EXPECT_TRUE(server.eventually([&] { return server.connections().size() == 1; }));
  EXPECT_FALSE(second.connect(server.address()));
  EXPECT_EQ(server.connections().size(), 1U);
}

Task<bool> fill_unread(Host& host, PeerId peer, std::size_t size, std::unique_ptr<Stream>& held) {
  std::vector<std::string> protocols{"/unread"};
  auto opened = co_await host.open(std::move(peer), std::move(protocols));
  if (!opened) co_return fail(opened.error());
  held = std::move(*opened);
  const Bytes bytes(size, 1);
  const Status wrote = co_await held->write_all(bytes);
  ACCEL_CO_CHECK(wrote);
  co_return true;
}

Task<void> let_go(std::unique_ptr<Stream>& held) {
  held.reset();
  co_return Status{};
}

TEST(Host, resets_the_stream_that_holds_most_when_its_memory_is_used_up) {
  HostOptions options;
  options.limits.buffered_bytes = 260'000;
  Node server(options);
  server.host->handle("/unread", [](std::unique_ptr<Stream> stream) -> Task<void> {
    const Status waited = co_await delay(10min);
    stream->reset();
    co_return waited;
  });
  Node greedy;
  Node modest;
  ASSERT_TRUE(greedy.connect(server.address()));
  ASSERT_TRUE(modest.connect(server.address()));
  std::unique_ptr<Stream> held;
  auto filling = fill_unread(*greedy.host, server.host->id(), 250'000, held);
  ASSERT_TRUE(sync_wait(greedy.io.executor(), std::move(filling)));
  EXPECT_TRUE(server.eventually([&] {
    return std::ranges::any_of(server.connections(),
                               [](const auto& one) { return one.bytes_in > 250'000; });
  }));
  EXPECT_EQ(modest.send(server.host->id(), 200'000).value(), 200'000U);
  const auto end = sync_wait(greedy.io.executor(), with_timeout(read_to_the_end(*held), 5s));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::unavailable);
  EXPECT_TRUE(sync_wait(greedy.io.executor(), let_go(held)));
}

TEST(Host, keeps_a_quarter_of_its_connections_for_its_own_dials) {
  HostOptions options;
  options.limits.connections = 4;
  Node server(options);
  std::array<Node, 4> clients;
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(clients[i].connect(server.address()));
    EXPECT_TRUE(server.eventually([&] { return server.connections().size() == i + 1; }));
  }
  EXPECT_FALSE(clients[3].connect(server.address()));
  EXPECT_TRUE(server.connect(clients[3].address()));
  EXPECT_EQ(server.connections().size(), 4U);
}

TEST(Host, takes_few_connections_from_one_address) {
  HostOptions options;
  options.limits.connections_per_ip = 1;  // Loopback: two.
  Node server(options);
  std::array<Node, 3> clients;
  ASSERT_TRUE(clients[0].connect(server.address()));
  ASSERT_TRUE(clients[1].connect(server.address()));
  EXPECT_FALSE(clients[2].connect(server.address()));
  EXPECT_EQ(server.counters().inbound_refused, 1U);
}

TEST(Host, takes_few_handshakes_from_one_address) {
  HostOptions options;
  options.limits.handshakes_per_ip = 1;  // Loopback: two.
  options.limits.first_bytes_timeout = 300ms;
  Node server(options);
  asio::io_context context;
  const asio::ip::tcp::endpoint there(asio::ip::address_v4::loopback(),
                                      server.host->addresses().at(0).tcp()->port);
  std::vector<asio::ip::tcp::socket> silent;
  for (int i = 0; i < 2; ++i) silent.emplace_back(context).connect(there);
  EXPECT_TRUE(server.eventually([&] { return server.counters().inbound == 2; }));
  Node client;
  EXPECT_FALSE(client.connect(server.address()));
  EXPECT_EQ(server.counters().inbound_refused, 1U);
  EXPECT_TRUE(server.eventually([&] { return server.counters().handshake_failures == 2; }));
  EXPECT_TRUE(client.connect(server.address()));
}

TEST(Host, ends_an_idle_connection_to_let_another_in) {
  HostOptions options;
  options.limits.connections = 1;
  options.limits.idle = 0ms;
  Node server(options);
  Node first;
  Node second;
  ASSERT_TRUE(first.connect(server.address()));
  EXPECT_TRUE(first.eventually([&] { return !first.connections().at(0).agent.empty(); }));
  EXPECT_TRUE(server.eventually([&] {
    const auto held = server.connections();
    return held.size() == 1 && !held[0].agent.empty() && held[0].streams == 0;
  }));
  EXPECT_TRUE(second.connect(server.address()));
  EXPECT_TRUE(first.eventually([&] { return first.connections().empty(); }));
  EXPECT_TRUE(server.eventually([&] { return server.connections().size() == 1; }));
}

TEST(Host, gives_up_on_a_handshake_that_does_not_move) {
  HostOptions options;
  options.limits.handshake_timeout = 100ms;
  Node server(options);
  asio::io_context context;
  asio::ip::tcp::socket silent(context);
  silent.connect({asio::ip::address_v4::loopback(), server.host->addresses().at(0).tcp()->port});
  EXPECT_TRUE(server.eventually([&] { return server.counters().handshake_failures == 1; }));
  std::array<char, 1> byte{};
  boost::system::error_code ec;
  silent.read_some(asio::buffer(byte), ec);
  EXPECT_TRUE(ec);
}

TEST(Host, survives_a_client_that_speaks_http) {
  Node server;
  asio::io_context context;
  asio::ip::tcp::socket browser(context);
  browser.connect({asio::ip::address_v4::loopback(), server.host->addresses().at(0).tcp()->port});
  asio::write(browser, asio::buffer(std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
  EXPECT_TRUE(server.eventually([&] { return server.counters().handshake_failures == 1; }));
  Node client;
  EXPECT_TRUE(client.connect(server.address()));
}

TEST(Host, says_when_an_address_is_taken) {
  Node server;
  HostOptions options;
  options.listen = server.host->addresses();
  IoThread io;
  const auto second = Host::start(io.executor(), options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::unavailable);
  options.listen = {Multiaddr::parse("/ip4/127.0.0.1/udp/0/quic-v1").value()};
  EXPECT_EQ(Host::start(io.executor(), options).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::libp2p
