// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/peer_id.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/cid.hpp"
#include "accel/ipld/ipns_name.hpp"

namespace accel::ipld {
namespace {

// libp2p/specs peer-ids/peer-ids.md, "Test vectors": the Ed25519 key.
constexpr const char* kEd25519 =
    "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";

TEST(PublicKey, is_read_and_written_as_the_spec_does) {
  const Bytes protobuf = from_hex(kEd25519).value();
  const PublicKey key = decode_public_key(protobuf).value();
  EXPECT_EQ(key.type, crypto::KeyType::ed25519);
  EXPECT_EQ(key.data.size(), 32U);
  EXPECT_EQ(encode_public_key(key), protobuf);
}

TEST(PublicKey, refuses_what_is_none) {
  EXPECT_FALSE(decode_public_key({}));
  EXPECT_FALSE(decode_public_key(from_hex("0801").value()));          // No bytes.
  EXPECT_FALSE(decode_public_key(from_hex("12020101").value()));      // No type.
  EXPECT_FALSE(decode_public_key(from_hex("080912020101").value()));  // An unknown type.
  EXPECT_FALSE(decode_public_key(from_hex("0801122001").value()));    // Cut off.
  EXPECT_FALSE(decode_public_key(from_hex("0a010112020101").value()));
}

TEST(PeerId, holds_a_short_key_and_reads_all_its_spellings) {
  const PeerId peer = PeerId::of_public_key(from_hex(kEd25519).value());
  EXPECT_TRUE(peer.to_string().starts_with("12D3Koo"));
  EXPECT_EQ(to_hex(peer.inline_key()), kEd25519);
  EXPECT_EQ(PeerId::parse(peer.to_string()).value(), peer);
  const Cid cid = Cid::v1(Codec::libp2p_key, peer.hash());
  EXPECT_EQ(PeerId::parse(cid.to_string()).value(), peer);
  EXPECT_EQ(PeerId::parse(to_base36(cid)).value(), peer);
  EXPECT_EQ(PeerId::from_bytes(peer.bytes()).value(), peer);
  EXPECT_EQ(std::hash<PeerId>{}(peer),
            std::hash<PeerId>{}(PeerId::parse(peer.to_string()).value()));
}

TEST(PeerId, hashes_a_long_key) {
  const Bytes key(300, 7);
  const PeerId peer = PeerId::of_public_key(key);
  EXPECT_TRUE(peer.to_string().starts_with("Qm"));
  EXPECT_TRUE(peer.inline_key().empty());
  EXPECT_NE(peer, PeerId::of_public_key(Bytes(300, 8)));
}

TEST(PeerId, refuses_what_names_no_key) {
  for (const char* text : {"", "1", "Qm", "12D3KooW", "bafkqaaa", "k51", "hello", "z"}) {
    EXPECT_FALSE(PeerId::parse(text)) << text;
  }
  EXPECT_FALSE(PeerId::from_bytes({}));
  EXPECT_FALSE(PeerId::from_bytes(Bytes(34, 0)));
  Bytes sha512(66, 1);
  sha512[0] = 0x13;
  sha512[1] = 64;
  EXPECT_FALSE(PeerId::from_bytes(sha512));
}

}  // namespace
}  // namespace accel::ipld
