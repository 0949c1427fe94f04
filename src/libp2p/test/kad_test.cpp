// SPDX-License-Identifier: Apache-2.0
// Nodes of this process that find each other and what they have, on loopback; and hostile ones.
#include "accel/libp2p/kad.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/random.hpp"
#include "accel/libp2p/framed.hpp"
#include "accel/libp2p/key_file.hpp"
#include "kad/message.hpp"
#include "kad_peers.hpp"

namespace accel::libp2p {
namespace {

using namespace std::chrono_literals;
using kad::Message;
using kad::MessageType;

const ipld::Multihash kBlock = ipld::sha2_256(to_bytes("a block"));

KadOptions on_loopback() {
  KadOptions options;
  options.loopback = true;
  options.limits.request_timeout = 3s;
  return options;
}

Task<KadStat> look(Kad& kad) { co_return kad.stat(); }

struct Node {
  explicit Node(IoThread& on, KadOptions options = on_loopback()) : io(on) {
    HostOptions with;
    with.key = key;
    with.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
    host = Host::start(io.executor(), std::move(with)).value();
    kad = std::make_unique<Kad>(io.executor(), *host, system_clock(), metrics, options);
    kad->attach();
  }
  ~Node() {
    EXPECT_TRUE(sync_wait(io.executor(), kad->shutdown()));
    EXPECT_TRUE(sync_wait(io.executor(), host->shutdown()));
    host.reset();
    const auto drained = []() -> Task<void> { co_return Status{}; };
    EXPECT_TRUE(sync_wait(io.executor(), drained()));
  }

  Multiaddr address() const { return host->addresses().at(0).with_peer(host->id()); }
  void connect(const Node& to) {
    const auto connected = sync_wait(io.executor(), host->connect(to.address()));
    ASSERT_TRUE(connected) << connected.error().to_string();
  }
  KadStat stat() { return sync_wait(io.executor(), look(*kad)).value(); }
  bool knows(std::size_t peers) {
    for (int i = 0; i < 1000 && stat().peers < peers; ++i) {
      EXPECT_TRUE(sync_wait(io.executor(), delay(10ms)));
    }
    return stat().peers >= peers;
  }
  Result<std::vector<PeerId>> providers(std::size_t count = 0) {
    std::vector<PeerId> found;
    const auto add = [&](const KadPeer& peer) {
      found.push_back(peer.id);
      return true;
    };
    const auto told = sync_wait(io.executor(), kad->find_providers(kBlock, count, add, {}));
    if (!told) return fail(Error(told.error()));
    return found;
  }
  Result<KadReport> provide() { return sync_wait(io.executor(), kad->provide(kBlock, {})); }

  IoThread& io;
  crypto::Ed25519Key key = crypto::Ed25519Key::generate(system_random());
  Metrics metrics;
  std::unique_ptr<Host> host;
  std::unique_ptr<Kad> kad;
};

// Everybody knows the first one only, and learns of the others.
struct Circle {
  explicit Circle(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) nodes.push_back(std::make_unique<Node>(io));
    for (std::size_t i = 1; i < count; ++i) nodes[i]->connect(*nodes[0]);
  }
  Node& operator[](std::size_t i) { return *nodes.at(i); }
  IoThread io;
  std::vector<std::unique_ptr<Node>> nodes;
};

TEST(Kad, peers_that_know_one_other_learn_of_all) {
  Circle circle(5);
  for (const auto& node : circle.nodes) EXPECT_TRUE(node->knows(4)) << node->stat().peers;
}

TEST(Kad, finds_who_provides_a_block) {
  Circle circle(4);
  ASSERT_TRUE(circle[3].knows(3));
  const auto report = circle[3].provide();
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->stored, 3U);
  const auto found = circle[1].providers();
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, std::vector{circle[3].host->id()});
  EXPECT_EQ(circle[0].stat().provider_records, 1U);
}

// Answers every question but the first.
Task<void> answer_later(std::unique_ptr<Stream> stream, std::shared_ptr<int> asked) {
  FramedReader reader(*stream, kad::kMaxRequestBytes);
  for (;;) {
    const auto bytes = co_await reader.read();
    ACCEL_CO_CHECK(bytes);
    if (!*bytes) co_return co_await stream->close_write();
    if ((*asked)++ == 0) co_return fail(Errc::unavailable, "Not yet.");
    const Status sent = co_await write_framed(*stream, Bytes(**bytes));
    ACCEL_CO_CHECK(sent);
  }
}

TEST(Kad, asks_who_failed_again_while_he_is_connected) {
  Circle circle(1);
  HostOptions with;
  with.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
  const auto slow = Host::start(circle.io.executor(), std::move(with)).value();
  const auto asked = std::make_shared<int>(0);
  slow->handle(std::string(kLanKadProtocol), [asked](std::unique_ptr<Stream> stream) {
    return answer_later(std::move(stream), asked);
  });
  const auto address = slow->addresses().at(0).with_peer(slow->id());
  KadOptions often = on_loopback();
  often.upkeep = 50ms;
  {
    Node node(circle.io, often);
    ASSERT_TRUE(sync_wait(circle.io.executor(), node.host->connect(address)));
    EXPECT_TRUE(node.knows(1));
  }
  EXPECT_TRUE(sync_wait(circle.io.executor(), slow->shutdown()));
  EXPECT_GE(*asked, 2);
}

TEST(Kad, lets_in_all_of_a_burst_of_newcomers) {
  IoThread io;
  KadOptions narrow = on_loopback();
  narrow.limits.checks = 1;
  Node node(io, narrow);
  std::vector<std::unique_ptr<Node>> others;
  for (int i = 0; i < 5; ++i) others.push_back(std::make_unique<Node>(io));
  for (const auto& other : others) node.connect(*other);
  EXPECT_TRUE(node.knows(5)) << node.stat().peers;
}

TEST(Kad, stops_at_the_count_that_was_asked_for) {
  Circle circle(4);
  ASSERT_TRUE(circle[0].knows(3) && circle[1].knows(3) && circle[2].knows(3));
  ASSERT_TRUE(circle[1].provide() && circle[2].provide() && circle[0].provide());
  EXPECT_EQ(circle[3].providers(2)->size(), 2U);
  EXPECT_EQ(circle[3].providers()->size(), 3U);
}

TEST(Kad, finds_a_peer_that_only_another_knows) {
  Circle circle(3);
  const PeerId wanted = circle[2].host->id();
  ASSERT_TRUE(circle[0].knows(2) && circle[1].knows(1));
  circle[1].host->disconnect(wanted);
  const auto found = sync_wait(circle.io.executor(), circle[1].kad->find_peer(wanted, {}));
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->addresses, circle[2].host->addresses());
  const auto nobody =
      sync_wait(circle.io.executor(), circle[1].kad->find_peer(test::peer_id(1), {}));
  EXPECT_EQ(nobody.error().code, Errc::not_found);
}

TEST(Kad, keeps_a_value_for_others) {
  Circle circle(3);
  ASSERT_TRUE(circle[1].knows(2));
  Bytes key = to_bytes(kPublicKeyPrefix);
  const Bytes id = circle[1].host->id().bytes();
  key.insert(key.end(), id.begin(), id.end());
  const Bytes value = to_bytes(circle[1].host->id().inline_key());
  const auto put = sync_wait(circle.io.executor(), circle[1].kad->put_value(key, value, {}));
  ASSERT_TRUE(put) << put.error().to_string();
  EXPECT_EQ(put->stored, 2U);
  const auto got = sync_wait(circle.io.executor(), circle[2].kad->get_value(key, {}));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, value);
  const auto bad = sync_wait(circle.io.executor(), circle[1].kad->put_value(key, Bytes{1, 2}, {}));
  EXPECT_FALSE(bad);
}

TEST(Kad, of_nobody_says_so) {
  Circle circle(1);
  EXPECT_EQ(circle[0].provide().error().code, Errc::unavailable);
  EXPECT_EQ(circle[0].providers().error().code, Errc::unavailable);
  const auto found =
      sync_wait(circle.io.executor(), circle[0].kad->find_peer(test::peer_id(1), {}));
  EXPECT_EQ(found.error().code, Errc::unavailable);
}

TEST(Kad, keeps_loopback_out_of_a_network_that_does_not_want_it) {
  IoThread io;
  KadOptions strict = on_loopback();
  strict.loopback = false;
  Node one(io, strict);
  Node other(io, strict);
  one.connect(other);
  EXPECT_TRUE(sync_wait(io.executor(), delay(300ms)));
  EXPECT_EQ(one.stat().peers, 0U);
  EXPECT_EQ(one.provide().error().code, Errc::invalid_argument);
}

TEST(Kad, a_client_of_the_public_network_serves_nobody) {
  IoThread io;
  KadOptions wan = on_loopback();
  wan.network = KadNetwork::wan;
  Node client(io, wan);
  Node server(io);
  server.connect(client);
  EXPECT_TRUE(sync_wait(io.executor(), delay(200ms)));
  EXPECT_EQ(server.stat().peers, 0U);
  const auto opening = [](Host& host, PeerId peer) -> Task<void> {
    std::vector<std::string> protocols{std::string(kWanKadProtocol)};
    const auto stream = co_await host.open(peer, std::move(protocols));
    if (!stream) co_return fail(Error(stream.error()));
    co_return Status{};
  };
  EXPECT_EQ(sync_wait(io.executor(), opening(*server.host, client.host->id())).error().code,
            Errc::unsupported);
}

// A peer without Kad, which sends what it likes.
struct Liar {
  explicit Liar(IoThread& on) : io(on) {
    HostOptions with;
    with.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
    host = Host::start(io.executor(), std::move(with)).value();
  }
  ~Liar() { EXPECT_TRUE(sync_wait(io.executor(), host->shutdown())); }
  // The answer; an error when the stream was reset; nothing when it was closed.
  Result<std::optional<Bytes>> send(const Node& to, Bytes bytes) {
    const auto sending = [](Host& from, Multiaddr address,
                            Bytes message) -> Task<std::optional<Bytes>> {
      const auto peer = co_await from.connect(address);
      ACCEL_CO_CHECK(peer);
      std::vector<std::string> protocols{std::string(kLanKadProtocol)};
      auto stream = co_await from.open(*peer, std::move(protocols));
      if (!stream) co_return fail(Error(stream.error()));
      FramedReader reader(**stream, kad::kMaxReplyBytes);
      const Status sent = co_await write_framed(**stream, std::move(message));
      ACCEL_CO_CHECK(sent);
      const Status closed = co_await (*stream)->close_write();
      ACCEL_CO_CHECK(closed);
      co_return co_await reader.read();
    };
    return sync_wait(io.executor(), sending(*host, to.address(), std::move(bytes)));
  }
  Result<std::optional<Bytes>> send(const Node& to, const Message& message) {
    return send(to, kad::encode(message));
  }
  IoThread& io;
  std::unique_ptr<Host> host;
};

Message providing(const PeerId& peer, const char* address) {
  Message message;
  message.type = MessageType::add_provider;
  message.key = kBlock.bytes();
  message.providers = {{peer, {test::address(address)}}};
  return message;
}

TEST(KadServer, takes_providers_for_nobody_but_themselves) {
  IoThread io;
  Node node(io);
  Liar liar(io);
  EXPECT_FALSE(liar.send(node, providing(test::peer_id(1), "/ip4/127.0.0.1/tcp/1")));
  EXPECT_FALSE(liar.send(node, providing(liar.host->id(), "/ip4/0.0.0.0/tcp/1")));
  EXPECT_FALSE(liar.send(node, providing(liar.host->id(), "/ip4/1.2.3.4/tcp/1")));
  Message no_hash = providing(liar.host->id(), "/ip4/127.0.0.1/tcp/1");
  no_hash.key = {1, 2, 3};
  EXPECT_FALSE(liar.send(node, no_hash));
  EXPECT_EQ(node.stat().provider_records, 0U);
  const auto taken = liar.send(node, providing(liar.host->id(), "/ip4/127.0.0.1/tcp/1"));
  ASSERT_TRUE(taken) << taken.error().to_string();
  EXPECT_FALSE(*taken);  // No answer, and a stream that ends well.
  EXPECT_EQ(node.stat().provider_records, 1U);
  EXPECT_NE(node.metrics.prometheus_text().find("accel_kad_bad_messages_total{network=\"lan\"} 4"),
            std::string::npos);
}

TEST(KadServer, resets_what_it_can_not_read) {
  IoThread io;
  Node node(io);
  Liar liar(io);
  EXPECT_FALSE(liar.send(node, from_hex("0809").value()));
  EXPECT_FALSE(liar.send(node, Bytes(kad::kMaxRequestBytes + 1)));
  Message value;
  value.type = MessageType::put_value;
  value.key = to_bytes("/ipns/nobody");
  value.record = kad::Record{value.key, {1, 2, 3}, {}};
  EXPECT_FALSE(liar.send(node, value));
  value.record->key = to_bytes("/ipns/other");
  EXPECT_FALSE(liar.send(node, value));
  Message find;
  find.type = MessageType::find_node;
  EXPECT_FALSE(liar.send(node, find));
  find.type = MessageType::ping;
  const auto pong = liar.send(node, find);
  ASSERT_TRUE(pong && *pong);
  EXPECT_EQ(kad::decode(**pong)->type, MessageType::ping);
}

TEST(KadServer, serves_nobody_beyond_its_network) {
  IoThread io;
  KadOptions strict = on_loopback();
  strict.loopback = false;
  Node node(io, strict);
  Liar stranger(io);
  Message find;
  find.type = MessageType::find_node;
  find.key = {1};
  EXPECT_FALSE(stranger.send(node, find));
  EXPECT_NE(node.metrics.prometheus_text().find("accel_kad_refused_total{network=\"lan\"} 1"),
            std::string::npos);
}

TEST(KadServer, keeps_no_ballast_of_providers) {
  IoThread io;
  Node node(io);
  Liar liar(io);
  Message many = providing(liar.host->id(), "/ip4/127.0.0.1/tcp/1");
  many.providers[0].addresses = {test::heavy_address("/ip4/127.0.0.1/tcp/1")};
  EXPECT_FALSE(liar.send(node, many));
  for (int port = 1; port <= 20; ++port) {
    many.providers[0].addresses.push_back(
        test::address("/ip4/127.0.0.1/tcp/" + std::to_string(port)));
  }
  EXPECT_TRUE(liar.send(node, many));
  many.type = MessageType::get_providers;
  many.providers.clear();
  const auto reply = liar.send(node, many);
  ASSERT_TRUE(reply && *reply);
  EXPECT_EQ(kad::decode(**reply)->providers.at(0).addresses.size(), 8U);
}

TEST(KadServer, ends_what_waits_longest_when_a_machine_has_too_many_streams) {
  IoThread io;
  KadOptions options = on_loopback();
  options.limits.streams_per_origin = 2;
  Node node(io, options);
  const auto opening = [](Host& from, Multiaddr to) -> Task<std::unique_ptr<Stream>> {
    const auto peer = co_await from.connect(to);
    ACCEL_CO_CHECK(peer);
    std::vector<std::string> protocols{std::string(kLanKadProtocol)};
    co_return co_await from.open(*peer, std::move(protocols));
  };
  const auto answers = [](Stream& stream) -> Task<bool> {
    const Bytes ping = from_hex("020805").value();
    FramedReader reader(stream, 1000);
    const Status sent = co_await stream.write_all(ping);
    if (!sent) co_return false;
    const auto answer = co_await reader.read();
    co_return answer && *answer;
  };
  std::vector<std::unique_ptr<Liar>> liars;
  std::vector<std::unique_ptr<Stream>> held;
  for (int i = 0; i < 3; ++i) {  // Each has another id.
    liars.push_back(std::make_unique<Liar>(io));
    auto opened = sync_wait(io.executor(), opening(*liars.back()->host, node.address()));
    ASSERT_TRUE(opened) << opened.error().to_string();
    held.push_back(std::move(*opened));
    EXPECT_TRUE(sync_wait(io.executor(), answers(*held.back())).value()) << i;
  }
  EXPECT_FALSE(sync_wait(io.executor(), answers(*held[0])).value());
  EXPECT_TRUE(sync_wait(io.executor(), answers(*held[1])).value());
  const auto dropping = [&held]() -> Task<void> {  // On their executor.
    held.clear();
    co_return Status{};
  };
  EXPECT_TRUE(sync_wait(io.executor(), dropping()));
}

TEST(KadServer, bounds_the_streams_of_one_peer) {
  IoThread io;
  KadOptions options = on_loopback();
  options.limits.streams_per_peer = 2;
  Node node(io, options);
  Liar liar(io);
  const auto opening = [](Host& from, Multiaddr to) -> Task<std::size_t> {
    const auto peer = co_await from.connect(to);
    ACCEL_CO_CHECK(peer);
    std::vector<std::unique_ptr<Stream>> held;
    std::size_t answered = 0;
    const Bytes ping = from_hex("020805").value();
    for (int i = 0; i < 5; ++i) {
      std::vector<std::string> protocols{std::string(kLanKadProtocol)};
      auto stream = co_await from.open(*peer, std::move(protocols));
      if (!stream) co_return fail(Error(stream.error()));
      FramedReader reader(**stream, 1000);
      const Status sent = co_await (*stream)->write_all(ping);
      static_cast<void>(sent);
      const auto answer = co_await reader.read();
      if (answer && *answer) ++answered;
      held.push_back(std::move(*stream));
    }
    co_return answered;
  };
  EXPECT_EQ(sync_wait(io.executor(), opening(*liar.host, node.address())).value(), 2U);
}

// Says that everybody near is at an address where nobody answers, and provides what it has not.
Task<void> lie(std::unique_ptr<Stream> stream) {
  FramedReader reader(*stream, kad::kMaxRequestBytes);
  for (std::uint32_t turn = 0;; ++turn) {
    const auto bytes = co_await reader.read();
    ACCEL_CO_CHECK(bytes);
    if (!*bytes) co_return co_await stream->close_write();
    auto message = kad::decode(**bytes);
    ACCEL_CO_CHECK(message);
    for (std::uint32_t i = 0; i < 20; ++i) {
      message->closer.push_back(
          {test::peer_id(100 * turn + i), {test::address("/ip4/127.0.0.1/tcp/9")}});
    }
    message->record = kad::Record{message->key, to_bytes("no record"), {}};
    const Status sent = co_await write_framed(*stream, kad::encode(*message));
    ACCEL_CO_CHECK(sent);
  }
}

TEST(KadClient, gets_past_a_peer_that_lies) {
  Circle circle(3);
  Liar liar(circle.io);
  liar.host->handle(std::string(kLanKadProtocol), lie);
  for (const auto& node : circle.nodes) {
    const auto to_liar = liar.host->addresses().at(0).with_peer(liar.host->id());
    ASSERT_TRUE(sync_wait(circle.io.executor(), node->host->connect(to_liar)));
  }
  ASSERT_TRUE(circle[1].knows(3) && circle[2].knows(3));
  ASSERT_TRUE(circle[1].provide());
  EXPECT_EQ(circle[2].providers(1).value(), std::vector{circle[1].host->id()});
  Bytes key = to_bytes(kPublicKeyPrefix);
  const Bytes id = circle[1].host->id().bytes();
  key.insert(key.end(), id.begin(), id.end());
  const auto got = sync_wait(circle.io.executor(), circle[2].kad->get_value(key, {}));
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_FALSE(*got);  // What the liar gives is no key.
}

TEST(KadClient, stops_when_it_is_told_to) {
  Circle circle(2);
  ASSERT_TRUE(circle[0].knows(1));
  std::stop_source stop;
  stop.request_stop();
  const auto found =
      sync_wait(circle.io.executor(), circle[0].kad->find_peer(test::peer_id(1), stop.get_token()));
  EXPECT_EQ(found.error().code, Errc::cancelled);
}

}  // namespace
}  // namespace accel::libp2p
