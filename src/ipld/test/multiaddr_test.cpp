// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/multiaddr.hpp"

#include <gtest/gtest.h>

namespace accel::ipld {
namespace {

constexpr const char* kPeer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

TEST(Multiaddr, is_the_bytes_that_the_spec_says) {
  const auto address = Multiaddr::parse("/ip4/127.0.0.1/tcp/4001").value();
  EXPECT_EQ(to_hex(address.bytes()), "047f000001060fa1");
  EXPECT_EQ(Multiaddr::parse("/ip4/127.0.0.1/udp/1234").value().bytes(),
            from_hex("047f000001910204d2").value());
  EXPECT_EQ(to_hex(Multiaddr::parse("/ip6/::1/tcp/0").value().bytes()),
            "2900000000000000000000000000000001060000");
  EXPECT_EQ(to_hex(Multiaddr::parse("/dns4/a.b/tcp/443/tls/http").value().bytes()),
            "3603612e62060"
            "1bbc003e003");
}

TEST(Multiaddr, reads_its_own_text_and_bytes_again) {
  const std::string peer = kPeer;
  for (const std::string& text :
       {std::string("/ip4/1.2.3.4/tcp/80/ws"), "/ip4/127.0.0.1/tcp/4001/p2p/" + peer,
        std::string("/ip6/2001:db8::1/udp/4001/quic-v1"),
        std::string("/dnsaddr/bootstrap.libp2p.io"), std::string("/dns/example.org/tcp/443/wss"),
        std::string("/dns6/example.org/tcp/443/tls/sni/example.org/ws"),
        "/ip4/1.2.3.4/tcp/1/p2p/" + peer + "/p2p-circuit", std::string("/ip6/fe80::1/tcp/1"),
        std::string("/ip4/1.2.3.4/udp/1/quic-v1/webtransport/certhash/"
                    "uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g")}) {
    const auto address = Multiaddr::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
    EXPECT_EQ(Multiaddr::from_bytes(address->bytes()).value(), *address);
  }
}

TEST(Multiaddr, refuses_what_is_none) {
  for (const char* text :
       {"", "/", "ip4/1.2.3.4", "/ip4", "/ip4/1.2.3", "/ip4/1.2.3.4/tcp", "/ip4/1.2.3.4/tcp/65536",
        "/ip4/1.2.3.4/tcp/-1", "/ip4/1.2.3.4/tcp/1x", "/nonsense/1", "/ip4/1.2.3.4//tcp/1",
        "/dns4//tcp/1", "/p2p/hello", "/ip6/1.2.3.4", "/dns/a b/tcp/1"}) {
    EXPECT_FALSE(Multiaddr::parse(text)) << text;
  }
  std::string long_one;
  for (int i = 0; i < 17; ++i) long_one += "/ws";
  EXPECT_FALSE(Multiaddr::parse(long_one));
}

TEST(Multiaddr, refuses_bytes_that_are_cut_unknown_or_too_many) {
  EXPECT_FALSE(Multiaddr::from_bytes({}));
  EXPECT_FALSE(Multiaddr::from_bytes(from_hex("047f0000").value()));
  EXPECT_FALSE(Multiaddr::from_bytes(from_hex("7f").value()));
  EXPECT_FALSE(Multiaddr::from_bytes(from_hex("36ff01").value()));
  EXPECT_FALSE(Multiaddr::from_bytes(from_hex("3603612f62").value()));  // A slash in a name.
  EXPECT_FALSE(Multiaddr::from_bytes(from_hex("3600").value()));
  EXPECT_FALSE(Multiaddr::from_bytes(Bytes(2000, 0x04)));
}

TEST(Multiaddr, knows_its_peer_and_where_tcp_leads) {
  const auto peer = PeerId::parse(kPeer).value();
  const auto bare = Multiaddr::parse("/ip4/10.0.0.1/tcp/4001").value();
  EXPECT_FALSE(bare.peer_id());
  const auto full = bare.with_peer(peer);
  EXPECT_EQ(full.peer_id(), peer);
  EXPECT_EQ(full.with_peer(peer), full);
  EXPECT_EQ(full.without_peer(), bare);
  const auto target = full.tcp();
  ASSERT_TRUE(target);
  EXPECT_EQ(target->host, "10.0.0.1");
  EXPECT_EQ(target->port, 4001);
  EXPECT_FALSE(Multiaddr::parse("/ip4/10.0.0.1/udp/4001/quic-v1").value().tcp());
  EXPECT_FALSE(Multiaddr::parse("/ip4/10.0.0.1/tcp/4001/ws").value().tcp());
  EXPECT_EQ(Multiaddr::of_tcp("::1", 7).value().to_string(), "/ip6/::1/tcp/7");
  EXPECT_FALSE(Multiaddr::of_tcp("nowhere", 7));
}

}  // namespace
}  // namespace accel::ipld
