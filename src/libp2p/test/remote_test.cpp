// SPDX-License-Identifier: Apache-2.0
#include "remote.hpp"

#include <gtest/gtest.h>

namespace accel::libp2p {
namespace {

ipld::Multiaddr at(const std::string& where) {
  return ipld::Multiaddr::parse("/" + where + "/tcp/4001").value();
}

TEST(Remote, knows_how_far_an_address_reaches) {
  EXPECT_EQ(reach_of(at("ip4/127.3.2.1")), Reach::loopback);
  EXPECT_EQ(reach_of(at("ip6/::1")), Reach::loopback);
  for (const char* const local :
       {"ip4/10.1.2.3", "ip4/172.31.0.1", "ip4/192.168.1.1", "ip4/169.254.169.254",
        "ip4/100.64.0.1", "ip6/fd00::1", "ip6/fe80::1", "ip6/64:ff9b::a00:1"}) {
    EXPECT_EQ(reach_of(at(local)), Reach::local) << local;
  }
  for (const char* const far :
       {"ip4/1.2.3.4", "ip4/172.32.0.1", "ip4/100.128.0.1", "ip6/2a00:1::1"}) {
    EXPECT_EQ(reach_of(at(far)), Reach::anywhere) << far;
  }
  for (const char* const none :
       {"ip4/0.0.0.0", "ip4/224.0.0.1", "ip4/255.255.255.255", "ip6/::", "ip6/ff02::1"}) {
    EXPECT_EQ(reach_of(at(none)), Reach::nowhere) << none;
  }
  EXPECT_EQ(reach_of(at("dns4/example.net")), Reach::by_name);
  EXPECT_EQ(reach_of(ipld::Multiaddr::parse("/ip4/1.2.3.4/udp/1").value()), Reach::nowhere);
}

TEST(Remote, lets_a_peer_name_only_what_lies_no_nearer_than_itself) {
  const auto near = at("ip4/127.0.0.1");
  const auto local = at("ip4/10.0.0.1");
  const auto far = at("ip4/1.2.3.4");
  const auto name = at("dns4/example.net");
  for (const auto& told : {near, local, far, name}) EXPECT_TRUE(may_name(near, told));
  EXPECT_TRUE(may_name(local, local));
  EXPECT_TRUE(may_name(local, far));
  EXPECT_FALSE(may_name(local, near));
  EXPECT_FALSE(may_name(local, name));
  EXPECT_TRUE(may_name(far, far));
  for (const auto& told : {near, local, name}) EXPECT_FALSE(may_name(far, told));
}

// A page in a browser of this machine, or a proxy that carries strangers.
TEST(Remote, trusts_a_websocket_of_this_machine_as_little_as_a_stranger) {
  const auto near = at("ip4/127.0.0.1");
  const auto carried = with_websocket(near);
  EXPECT_EQ(reach_of(carried), Reach::loopback);
  EXPECT_EQ(reach_of_teller(near), Reach::loopback);
  EXPECT_FALSE(may_name(carried, near));
  EXPECT_FALSE(may_name(carried, at("dns4/example.net")));
  EXPECT_TRUE(may_name(carried, at("ip4/1.2.3.4")));
}

TEST(Remote, takes_a_site_of_ipv6_for_one_machine) {
  EXPECT_EQ(origin_of(at("ip6/2a00:1::1")), origin_of(at("ip6/2a00:1::ffff:2")));
  EXPECT_NE(origin_of(at("ip6/2a00:1::1")), origin_of(at("ip6/2a00:1:0:1::1")));
  EXPECT_NE(origin_of(at("ip4/1.2.3.4")), origin_of(at("ip4/1.2.3.5")));
}

}  // namespace
}  // namespace accel::libp2p
