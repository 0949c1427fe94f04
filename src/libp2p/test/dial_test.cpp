// SPDX-License-Identifier: Apache-2.0
// Dials of peers with several addresses, by numbers and by names.
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <future>
#include <map>

#include "accel/core/random.hpp"
#include "identity.hpp"
#include "live_node.hpp"

namespace accel::libp2p {
namespace {

using namespace std::chrono_literals;
using Tcp = asio::ip::tcp;

const Tcp::endpoint kAnywhere(asio::ip::address_v4::loopback(), 0);

// Takes connections and says nothing.
struct Silent {
  Silent() : acceptor(context, kAnywhere) {}
  Multiaddr address() const {
    return Multiaddr::of_tcp("127.0.0.1", acceptor.local_endpoint().port()).value();
  }
  asio::io_context context;
  Tcp::acceptor acceptor;
};

Multiaddr refusing() { return Silent().address(); }  // Closed again.

TEST(Dial, gets_through_beside_addresses_that_refuse_are_silent_or_somebody_else) {
  LiveNode server;
  LiveNode stranger;
  const Silent silent;
  LiveNode client;
  const SteadyTime began = system_clock().now();
  ASSERT_TRUE(
      client.reach(server.id(), {refusing(), silent.address(), stranger.bare(), server.bare()}));
  EXPECT_LT(system_clock().now() - began, 4s);  // Not the silent one's time.
  const auto held = client.connections();
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].peer, server.id());
  EXPECT_EQ(held[0].remote, server.bare());
  const HostCounters counted = client.counters();
  EXPECT_EQ(counted.dials, 4U);
  EXPECT_LE(counted.dial_failures, 2U);  // Who was too slow has not failed.
  EXPECT_GE(counted.dial_failures, 1U);
}

TEST(Dial, keeps_one_connection_when_several_addresses_lead_there) {
  HostOptions options;
  LiveNode server(std::move(options));
  LiveNode client;
  const auto port = server.bare().tcp()->port;
  std::vector<Multiaddr> also;
  for (int i = 1; i <= 6; ++i) {
    also.push_back(Multiaddr::of_tcp(fmt::format("127.0.0.{}", i), port).value());
  }
  ASSERT_TRUE(client.reach(server.id(), also));
  EXPECT_EQ(client.connections().size(), 1U);
  EXPECT_TRUE(server.eventually([&] { return server.connections().size() == 1; }));
}

TEST(Dial, says_what_each_address_said_when_none_leads_there) {
  LiveNode stranger;
  LiveNode client;
  SeededRandom random(7);
  const PeerId nobody = peer_id_of(crypto::Ed25519Key::generate(random));
  const Multiaddr closed = refusing();
  const Status reached = client.reach(nobody, {closed, stranger.bare()});
  ASSERT_FALSE(reached);
  EXPECT_EQ(reached.error().code, Errc::unauthenticated);
  EXPECT_NE(reached.error().message.find(closed.to_string()), std::string::npos);
  EXPECT_TRUE(client.connections().empty());
}

TEST(Dial, lets_an_address_rest_that_failed_but_not_for_who_names_it) {
  LiveNode client;
  SeededRandom random(7);
  const PeerId nobody = peer_id_of(crypto::Ed25519Key::generate(random));
  const Multiaddr closed = refusing();
  EXPECT_FALSE(client.reach(nobody, {closed}));
  const auto again = client.reach(nobody, {closed});
  EXPECT_NE(again.error().message.find("later"), std::string::npos);
  EXPECT_EQ(client.counters().dials, 1U);
  EXPECT_FALSE(client.connect(closed.with_peer(nobody)));
  EXPECT_EQ(client.counters().dials, 2U);
}

TEST(Dial, tries_so_many_addresses_and_no_more) {
  HostOptions options;
  options.limits.addresses_per_dial = 3;
  LiveNode client(options);
  SeededRandom random(7);
  const PeerId nobody = peer_id_of(crypto::Ed25519Key::generate(random));
  std::vector<Multiaddr> many;
  const auto port = refusing().tcp()->port;
  for (int i = 1; i <= 20; ++i) {
    many.push_back(Multiaddr::of_tcp(fmt::format("127.0.0.{}", i), port).value());
  }
  EXPECT_FALSE(client.reach(nobody, many));
  EXPECT_EQ(client.counters().dials, 3U);
}

TEST(Dial, tries_the_address_that_somebody_names_while_others_are_tried) {
  HostOptions options;
  options.limits.handshake_timeout = 500ms;
  LiveNode server;
  const Silent silent;
  LiveNode client(options);
  auto slow =
      std::async(std::launch::async, [&] { return client.reach(server.id(), {silent.address()}); });
  EXPECT_TRUE(client.eventually([&] { return client.counters().dials == 1; }));
  EXPECT_TRUE(client.connect(server.address()));
  EXPECT_FALSE(slow.get());
}

TEST(Dial, ends_with_the_host) {
  const Silent silent;
  auto client = std::make_unique<LiveNode>();
  SeededRandom random(7);
  const PeerId nobody = peer_id_of(crypto::Ed25519Key::generate(random));
  auto dialing = std::async(std::launch::async, [&, host = client->host.get()] {
    return sync_wait(client->io.executor(), host->reach(nobody, {silent.address(), refusing()}));
  });
  EXPECT_TRUE(client->eventually([&] { return client->counters().dials == 2; }));
  EXPECT_TRUE(sync_wait(client->io.executor(), client->host->shutdown()));
  EXPECT_EQ(dialing.get().error().code, Errc::cancelled);
}

// A name that leads to loopback on any machine.
TEST(Dial, takes_a_host_name_for_all_its_addresses) {
  LiveNode server;
  LiveNode client;
  const auto port = server.bare().tcp()->port;
  const auto named = Multiaddr::parse(fmt::format("/dns4/localhost/tcp/{}", port)).value();
  ASSERT_TRUE(client.connect(named.with_peer(server.id())));
  EXPECT_EQ(client.connections().at(0).remote, server.bare());
  EXPECT_EQ(client.addresses_of(server.id()).at(0), named);
}

TEST(Dial, says_that_a_name_leads_nowhere) {
  LiveNode client;
  const auto lost = client.connect(Multiaddr::parse("/dns4/no-such-name.invalid/tcp/1").value());
  EXPECT_EQ(lost.error().code, Errc::unavailable);
  EXPECT_EQ(client.counters().dials, 0U);
}

using Zone = std::map<std::string, std::vector<std::string>>;

Task<std::vector<std::string>> answer_from(Zone zone, std::string domain) {
  const auto found = zone.find(domain);
  if (found == zone.end()) co_return fail(Errc::not_found, "{} has no TXT records.", domain);
  co_return found->second;
}

HostOptions asking(Zone zone) {
  HostOptions options;
  options.lookup_txt = [zone = std::move(zone)](std::string domain) {
    return answer_from(zone, std::move(domain));
  };
  return options;
}

TEST(Dial, follows_a_dnsaddr_to_who_is_meant) {
  LiveNode server;
  LiveNode other;
  LiveNode client(asking({{"_dnsaddr.x.example",
                           {"dnsaddr=" + other.address().to_string(),
                            "dnsaddr=/dnsaddr/y.example/p2p/" + server.id().to_string()}},
                          {"_dnsaddr.y.example",
                           {"dnsaddr=" + refusing().with_peer(server.id()).to_string(),
                            "dnsaddr=" + server.address().to_string()}}}));
  const auto named = Multiaddr::parse("/dnsaddr/x.example").value();
  EXPECT_EQ(client.connect(named.with_peer(server.id())).value(), server.id());
  EXPECT_EQ(client.addresses_of(server.id()).at(0), server.bare());
  EXPECT_TRUE(other.connections().empty());
  client.disconnect(server.id());
  EXPECT_TRUE(client.eventually([&] { return client.connections().empty(); }));
  EXPECT_TRUE(client.connect(named));  // Any of those that it names.
}

TEST(Dial, refuses_somebody_else_at_the_address_of_a_dnsaddr) {
  LiveNode server;
  LiveNode other;
  LiveNode client(asking(
      {{"_dnsaddr.x.example", {"dnsaddr=" + other.bare().with_peer(server.id()).to_string()}}}));
  const auto connected = client.connect(Multiaddr::parse("/dnsaddr/x.example").value());
  EXPECT_EQ(connected.error().code, Errc::unauthenticated);
}

TEST(Dial, says_why_a_dnsaddr_leads_nowhere) {
  const auto named = Multiaddr::parse("/dnsaddr/x.example").value();
  LiveNode blind;
  EXPECT_EQ(blind.connect(named).error().code, Errc::unsupported);
  LiveNode client(asking({{"_dnsaddr.y.example", {"dnsaddr=nonsense"}}}));
  EXPECT_EQ(client.connect(named).error().code, Errc::not_found);
  const auto empty = client.connect(Multiaddr::parse("/dnsaddr/y.example").value());
  EXPECT_EQ(empty.error().code, Errc::not_found);
}

}  // namespace
}  // namespace accel::libp2p
