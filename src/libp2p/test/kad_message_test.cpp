// SPDX-License-Identifier: Apache-2.0
// What peers of Kademlia send, well-formed and not.
#include "kad/message.hpp"

#include <gtest/gtest.h>

#include "accel/core/random.hpp"
#include "accel/ipld/protobuf.hpp"
#include "kad_peers.hpp"

namespace accel::libp2p::kad {
namespace {

using test::address;
using test::peer_id;

Message full_message() {
  Message message;
  message.type = MessageType::get_value;
  message.key = to_bytes("/ipns/somebody");
  message.record = Record{message.key, to_bytes("a record"), "2026-11-21T10:00:00Z"};
  message.closer = {{peer_id(1), {address("/ip4/10.0.0.1/tcp/4001")}}, {peer_id(2), {}}};
  message.providers = {
      {peer_id(3), {address("/ip4/10.0.0.3/udp/4001/quic-v1"), address("/ip6/fd00::1/tcp/4001")}}};
  return message;
}

void expect_same(const std::vector<KadPeer>& left, const std::vector<KadPeer>& right) {
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].id, right[i].id);
    EXPECT_EQ(left[i].addresses, right[i].addresses);
  }
}

TEST(KadMessage, says_the_same_after_a_round_trip) {
  const Message sent = full_message();
  const auto read = decode(encode(sent));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, sent.type);
  EXPECT_EQ(read->key, sent.key);
  EXPECT_EQ(read->record, sent.record);
  expect_same(read->closer, sent.closer);
  expect_same(read->providers, sent.providers);
}

TEST(KadMessage, is_written_as_the_specification_numbers_its_fields) {
  Message message;
  message.type = MessageType::find_node;
  message.key = {0xab, 0xcd};
  EXPECT_EQ(to_hex(encode(message)), "08041202abcd");
  message.type = MessageType::put_value;
  message.record = Record{{0x01}, {0x02}, {}};
  EXPECT_EQ(to_hex(encode(message)), "08001202abcd1a060a0101120102");
}

TEST(KadMessage, is_cut_to_what_the_asker_takes) {
  Message message = full_message();
  const Bytes whole = encode(message);
  cut_to(message, whole.size());
  EXPECT_EQ(encode(message), whole);
  cut_to(message, whole.size() - 1);
  EXPECT_TRUE(message.providers.empty());
  EXPECT_EQ(message.closer.size(), 2U);
  const std::vector<Multiaddr> heavy(kMaxPeerAddresses, test::heavy_address("/ip4/10.0.0.1/tcp/1"));
  for (std::uint32_t i = 0; i < 60; ++i) message.providers.push_back({peer_id(i), heavy});
  EXPECT_GT(encode(message).size(), kMaxReplyBytes);
  cut_to(message, kMostTold);
  EXPECT_LE(encode(message).size(), kMostTold);
  EXPECT_GT(message.providers.size(), 10U);
  cut_to(message, 0);
  EXPECT_TRUE(message.closer.empty());
}

TEST(KadMessage, without_a_type_is_the_first_one) {
  const auto read = decode(from_hex("1202abcd").value());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, MessageType::put_value);
}

TEST(KadMessage, passes_over_peers_without_an_id_and_addresses_nobody_knows) {
  Bytes peer;
  ipld::put_bytes_field(peer, 1, as_bytes("no id"));
  Bytes other;
  ipld::put_bytes_field(other, 1, peer_id(1).bytes());
  ipld::put_bytes_field(other, 2, from_hex("ffff7f").value());
  ipld::put_bytes_field(other, 2, address("/ip4/10.0.0.1/tcp/1/").bytes());
  Bytes bytes;
  ipld::put_varint_field(bytes, 1, 4);
  ipld::put_bytes_field(bytes, 8, peer);
  ipld::put_bytes_field(bytes, 8, other);
  const auto read = decode(bytes);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->closer.size(), 1U);
  EXPECT_EQ(read->closer[0].id, peer_id(1));
  EXPECT_EQ(read->closer[0].addresses.size(), 1U);
}

TEST(KadMessage, keeps_no_more_than_its_limits) {
  Message message;
  message.type = MessageType::find_node;
  const std::vector<Multiaddr> many(kMaxPeerAddresses + 5, address("/ip4/10.0.0.1/tcp/1"));
  for (std::uint32_t i = 0; i < 3 * kMaxProviders; ++i) {
    message.closer.push_back({peer_id(i), {}});
    message.providers.push_back({peer_id(i), i == 0 ? many : std::vector<Multiaddr>{}});
  }
  const auto read = decode(encode(message));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->closer.size(), kMaxCloser);
  EXPECT_EQ(read->providers.size(), kMaxProviders);
  EXPECT_EQ(read->providers[0].addresses.size(), kMaxPeerAddresses);
}

TEST(KadMessage, refuses_what_is_above_a_limit) {
  Message message;
  message.key = Bytes(kMaxKeyBytes + 1);
  EXPECT_EQ(decode(encode(message)).error().code, Errc::protocol);
  message.key = {1};
  message.record = Record{{1}, Bytes(kMaxValueBytes + 1), {}};
  EXPECT_EQ(decode(encode(message)).error().code, Errc::protocol);
  message.record = Record{Bytes(kMaxKeyBytes + 1), {}, {}};
  EXPECT_EQ(decode(encode(message)).error().code, Errc::protocol);
  EXPECT_EQ(decode(Bytes(kMaxReplyBytes + 1)).error().code, Errc::protocol);
}

TEST(KadMessage, refuses_broken_bytes) {
  for (const char* hex : {"08", "0806", "0a0100", "12ff", "1a03ffffff", "120508", "4203ffffff",
                          "42020801", "1a020801", "08ffffffffffffffffff7f"}) {
    EXPECT_FALSE(decode(from_hex(hex).value())) << hex;
  }
}

TEST(KadMessage, of_any_bytes_is_refused_or_read_again_the_same) {
  SeededRandom random(7);
  const Bytes good = encode(full_message());
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = good;
    for (std::uint64_t i = 0; i <= random.below(4); ++i) {
      bytes.at(random.below(bytes.size())) = static_cast<std::uint8_t>(random.below(256));
    }
    bytes.resize(random.below(bytes.size()) + 1);
    const auto read = decode(bytes);
    if (!read) continue;
    const auto again = decode(encode(*read));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->key, read->key);
    expect_same(again->closer, read->closer);
  }
}

}  // namespace
}  // namespace accel::libp2p::kad
