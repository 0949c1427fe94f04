// SPDX-License-Identifier: Apache-2.0
#include "identify_message.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/protobuf.hpp"

namespace accel::libp2p {
namespace {

using ipld::Multiaddr;

TEST(IdentifyMessage, says_the_same_after_a_journey) {
  IdentifyMessage message;
  message.public_key = Bytes(36, 1);
  message.listens = {Multiaddr::parse("/ip4/127.0.0.1/tcp/1").value()};
  message.protocols = {"/a", "/b"};
  message.observed = Multiaddr::parse("/ip4/10.0.0.1/tcp/2").value();
  message.protocol_version = "ipfs/0.1.0";
  message.agent = "test";
  IdentifyMessage read;
  ASSERT_TRUE(merge_identify(encode_identify(message), read));
  EXPECT_EQ(read, message);
}

TEST(IdentifyMessage, joins_the_parts_of_an_introduction) {
  IdentifyMessage read;
  ASSERT_TRUE(merge_identify(encode_identify({.protocols = {"/a"}, .agent = "x"}), read));
  ASSERT_TRUE(merge_identify(encode_identify({.protocols = {"/b"}, .agent = "y"}), read));
  EXPECT_EQ(read.protocols, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(read.agent, "y");
}

TEST(IdentifyMessage, leaves_out_addresses_that_nobody_knows_here) {
  Bytes bytes;
  ipld::put_bytes_field(bytes, 2, from_hex("bd0301").value());
  ipld::put_bytes_field(bytes, 2, from_hex("047f000001060fa1").value());
  ipld::put_bytes_field(bytes, 4, from_hex("ff").value());
  ipld::put_bytes_field(bytes, 8, Bytes(10, 1));  // A signed record.
  IdentifyMessage read;
  ASSERT_TRUE(merge_identify(bytes, read));
  ASSERT_EQ(read.listens.size(), 1U);
  EXPECT_FALSE(read.observed);
}

TEST(IdentifyMessage, takes_no_control_characters_and_no_endless_text) {
  IdentifyMessage read;
  ASSERT_TRUE(merge_identify(encode_identify({.agent = "a\x1b[2Jb\n"}), read));
  EXPECT_EQ(read.agent, "a?[2Jb?");
  ASSERT_TRUE(merge_identify(encode_identify({.agent = std::string(5000, 'x')}), read));
  EXPECT_EQ(read.agent.size(), kMaxIdentifyText);
}

TEST(IdentifyMessage, refuses_what_is_broken_or_too_much) {
  IdentifyMessage read;
  EXPECT_FALSE(merge_identify(Bytes{0x0a, 0x05, 1}, read));
  EXPECT_FALSE(merge_identify(Bytes{0x18, 0x05}, read));  // A number for a protocol.
  EXPECT_FALSE(merge_identify(Bytes(kMaxIdentifyBytes + 1, 0), read));
  Bytes many;
  for (std::size_t i = 0; i <= kMaxIdentifyProtocols; ++i) {
    ipld::put_bytes_field(many, 3, Bytes{'a'});
  }
  EXPECT_FALSE(merge_identify(many, read));
  Bytes addresses;
  for (std::size_t i = 0; i <= kMaxIdentifyAddresses; ++i) {
    ipld::put_bytes_field(addresses, 2, from_hex("047f000001060fa1").value());
  }
  IdentifyMessage other;
  EXPECT_FALSE(merge_identify(addresses, other));
}

}  // namespace
}  // namespace accel::libp2p
