// SPDX-License-Identifier: Apache-2.0
// Who is asked first, and who can't push whom out.
#include "kad/routing_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "address_filter.hpp"
#include "kad/kept_addresses.hpp"
#include "kad_peers.hpp"

namespace accel::libp2p::kad {
namespace {

using namespace std::chrono_literals;
using test::address;
using test::kad_peer;
using test::peer_id;
using test::peers_in_bucket;

const PeerId kSelf = peer_id(1'000'000);
constexpr SteadyTime kStart{};

TEST(KadId, counts_the_bits_that_two_ids_share) {
  KadId left{};
  KadId right{};
  EXPECT_EQ(common_prefix_bits(left, right), 256U);
  right[0] = 0x80;
  EXPECT_EQ(common_prefix_bits(left, right), 0U);
  right[0] = 0x01;
  EXPECT_EQ(common_prefix_bits(left, right), 7U);
  right[0] = 0;
  right[31] = 1;
  EXPECT_EQ(common_prefix_bits(left, right), 255U);
}

TEST(RoutingTable, gives_the_closest_first) {
  RoutingTable table(kSelf, {});
  for (std::uint32_t i = 0; i < 100; ++i) table.offer(kad_peer(i), {}, kStart);
  const KadId target = kad_id_of(peer_id(7));
  const auto closest = table.closest(target, 5);
  ASSERT_EQ(closest.size(), 5U);
  for (std::size_t i = 1; i < closest.size(); ++i) {
    EXPECT_LT(distance(kad_id_of(closest[i - 1].id), target),
              distance(kad_id_of(closest[i].id), target));
  }
}

TEST(RoutingTable, has_neither_itself_nor_anybody_twice) {
  RoutingTable table(kSelf, {});
  EXPECT_EQ(table.offer({kSelf, {}}, {}, kStart).verdict, Verdict::refused);
  EXPECT_EQ(table.offer(kad_peer(1), {}, kStart).verdict, Verdict::added);
  KadPeer moved = kad_peer(1);
  moved.addresses = {address("/ip4/10.0.0.9/tcp/9")};
  EXPECT_EQ(table.offer(moved, {}, kStart).verdict, Verdict::known);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.find(moved.id)->addresses, moved.addresses);
}

TEST(RoutingTable, keeps_a_full_bucket_that_answers) {
  RoutingTable table(kSelf, {});
  const auto peers = peers_in_bucket(kSelf, 0, kBucketSize + 1);
  for (std::size_t i = 0; i < kBucketSize; ++i) table.offer(peers[i], {}, kStart);
  EXPECT_EQ(table.offer(peers.back(), {}, kStart + 1min).verdict, Verdict::refused);
  EXPECT_EQ(table.refused(), 1U);
}

TEST(RoutingTable, doubts_the_oldest_before_it_gives_away_its_place) {
  RoutingTable table(kSelf, {});
  const auto peers = peers_in_bucket(kSelf, 0, kBucketSize + 1);
  for (std::size_t i = 0; i < kBucketSize; ++i) {
    table.offer(peers[i], {}, kStart + std::chrono::seconds(i));
  }
  table.useful(peers[0].id, kStart + 1h);
  const auto offered = table.offer(peers.back(), {}, kStart + 1h);
  ASSERT_EQ(offered.verdict, Verdict::doubtful);
  EXPECT_EQ(offered.suspect, peers[1].id);
  EXPECT_TRUE(table.contains(peers[1].id));
  EXPECT_EQ(table.take_place(peers[1].id, peers.back(), {}, kStart + 1h).verdict, Verdict::added);
  EXPECT_FALSE(table.contains(peers[1].id));
  EXPECT_TRUE(table.contains(peers.back().id));
}

TEST(RoutingTable, lets_one_network_fill_neither_a_bucket_nor_the_table) {
  RoutingTable table(kSelf, {});
  const auto near = peers_in_bucket(kSelf, 0, 10);
  for (const KadPeer& peer : near) table.offer(peer, "attacker", kStart);
  EXPECT_EQ(table.bucket_sizes(), std::vector<std::size_t>{2});
  for (std::size_t bits = 1; bits < 5; ++bits) {
    for (const KadPeer& peer : peers_in_bucket(kSelf, bits, 4)) {
      table.offer(peer, "attacker", kStart);
    }
  }
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.offer(near.back(), "another", kStart).verdict, Verdict::added);
  table.remove(near.front().id);  // And there is room for one of them again.
  EXPECT_EQ(table.offer(near[5], "attacker", kStart).verdict, Verdict::added);
}

TEST(RoutingTable, knows_who_has_not_answered_for_long) {
  RoutingTable table(kSelf, {});
  table.offer(kad_peer(1), {}, kStart + 1s);
  table.offer(kad_peer(2), {}, kStart);
  table.offer(kad_peer(3), {}, kStart + 1h);
  const std::vector<PeerId> stale{peer_id(2), peer_id(1)};
  EXPECT_EQ(table.stale(kStart + 1h, 10), stale);
  EXPECT_EQ(table.stale(kStart + 1h, 1).size(), 1U);
}

TEST(KadAddresses, belong_to_one_network_each) {
  const AddressRules lan{false, false};
  const AddressRules here{false, true};
  const AddressRules wan{true, true};
  const struct {
    const char* text;
    bool in_lan, in_here, in_wan;
  } cases[] = {{"/ip4/192.168.1.2/tcp/4001", true, true, false},
               {"/ip4/10.1.2.3/udp/4001/quic-v1", true, true, false},
               {"/ip6/fd00::1/tcp/4001", true, true, false},
               {"/ip4/127.0.0.1/tcp/4001", false, true, false},
               {"/ip6/::1/tcp/4001", false, true, false},
               {"/ip4/1.2.3.4/tcp/4001", false, false, true},
               {"/ip6/2001:db8::1/tcp/4001", false, false, true},
               {"/ip4/0.0.0.0/tcp/4001", false, false, false},
               {"/ip4/224.0.0.251/udp/5353", false, false, false},
               {"/ip4/169.254.1.1/tcp/1", true, true, false},
               {"/ip6/::ffff:127.0.0.1/tcp/1", false, true, false},
               {"/dns4/example.org/tcp/4001", false, false, false},
               {"/ip4/1.2.3.4", false, false, false}};
  for (const auto& one : cases) {
    EXPECT_EQ(belongs(lan, address(one.text)), one.in_lan) << one.text;
    EXPECT_EQ(belongs(here, address(one.text)), one.in_here) << one.text;
    EXPECT_EQ(belongs(wan, address(one.text)), one.in_wan) << one.text;
  }
}

TEST(KadAddresses, of_this_machine_are_believed_from_this_machine_only) {
  const AddressRules rules{false, true};
  const std::vector<Multiaddr> told{address("/ip4/127.0.0.1/tcp/22"),
                                    address("/ip4/192.168.1.9/tcp/4001"),
                                    address("/ip4/192.168.1.9/tcp/4001")};
  const Multiaddr far = address("/ip4/192.168.1.5/tcp/4001");
  const Multiaddr here = address("/ip4/127.0.0.1/tcp/4001");
  EXPECT_EQ(filtered(rules, told, &far), std::vector<Multiaddr>{told[1]});
  EXPECT_EQ(filtered(rules, told, &here).size(), 2U);
  const Multiaddr stranger = address("/ip4/1.2.3.4/tcp/4001");
  EXPECT_TRUE(filtered(rules, told, &stranger).empty());
}

TEST(KadAddresses, that_are_kept_are_few_and_small) {
  std::vector<Multiaddr> told{test::heavy_address("/ip4/10.0.0.1/tcp/1"),
                              address("/ip4/10.0.0.1/tcp/1/p2p/" + test::peer_id(1).to_string()),
                              address("/ip4/10.0.0.1/udp/1/quic-v1"),
                              address("/dns4/example.org/tcp/1")};
  EXPECT_EQ(kept(told), std::vector{told[2]});
  for (int port = 1; port < 30; ++port) {
    told.push_back(address("/ip4/10.0.0.1/tcp/" + std::to_string(port) + "/ws"));
  }
  EXPECT_EQ(kept(told).size(), kMaxKeptAddresses);
}

TEST(KadAddresses, of_one_site_are_one_group) {
  const auto group = [](bool is_public, const char* text) {
    return group_of({is_public, false}, address(text));
  };
  EXPECT_EQ(group(true, "/ip4/1.2.3.4/tcp/1"), group(true, "/ip4/1.2.3.250/tcp/1"));
  EXPECT_NE(group(true, "/ip4/1.2.3.4/tcp/1"), group(true, "/ip4/1.2.4.4/tcp/1"));
  EXPECT_EQ(group(true, "/ip6/2001:db8:1:1::1/tcp/1"), group(true, "/ip6/2001:db8:1:2::1/tcp/1"));
  EXPECT_NE(group(false, "/ip4/10.0.0.1/tcp/1"), group(false, "/ip4/10.0.0.2/tcp/1"));
  EXPECT_EQ(group(false, "/ip4/127.0.0.1/tcp/1"), "");
}

}  // namespace
}  // namespace accel::libp2p::kad
