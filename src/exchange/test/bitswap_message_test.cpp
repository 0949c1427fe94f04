// SPDX-License-Identifier: Apache-2.0
// Messages to bytes and back, bytes that others wrote, and bytes that nobody should have written.
#include "bitswap/message.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "accel/core/random.hpp"
#include "accel/ipld/protobuf.hpp"

namespace accel::exchange::bitswap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ipld::Cid raw(std::string_view text) {
  return ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes(text)));
}

// What finish() gave, without its length.
Bytes body_of(MessageBuilder& builder) {
  const ByteView frame = builder.finish();
  const auto length = ipld::get_uvarint(frame);
  EXPECT_TRUE(length);
  EXPECT_EQ(length->value, frame.size() - length->size);
  return to_bytes(frame.subspan(length->size));
}

void add_block(MessageBuilder& builder, const ipld::Cid& cid, std::string_view text) {
  std::ranges::copy(as_bytes(text), builder.add_block(cid, text.size()).begin());
}

void expect_refused(ByteView bytes, std::string_view why) {
  const auto message = decode_message(bytes);
  ASSERT_FALSE(message) << to_hex(bytes.first(std::min<std::size_t>(bytes.size(), 64)));
  EXPECT_EQ(message.error().code, Errc::protocol);
  EXPECT_THAT(message.error().to_string(), HasSubstr(std::string(why)));
}

Bytes message_with_want(ByteView cid) {
  Bytes entry, list, message;
  ipld::put_bytes_field(entry, 1, cid);
  ipld::put_bytes_field(list, 1, entry);
  ipld::put_bytes_field(message, 1, list);
  return message;
}

Bytes message_with_payload(ByteView prefix, ByteView data) {
  Bytes block, message;
  ipld::put_bytes_field(block, 1, prefix);
  ipld::put_bytes_field(block, 2, data);
  ipld::put_bytes_field(message, 3, block);
  return message;
}

TEST(BitswapMessage, carries_wants_there_and_back) {
  const std::vector<WantEntry> wants{{raw("a"), 7, WantType::block, false, true},
                                     {raw("b"), 1, WantType::have, false, false},
                                     {raw("c"), 0, WantType::block, true, false}};
  MessageBuilder builder;
  builder.set_wants(wants, true);
  const Bytes body = body_of(builder);
  const auto message = decode_message(body);
  ASSERT_TRUE(message) << message.error().to_string();
  EXPECT_TRUE(message->full);
  EXPECT_EQ(message->wants[0], wants[0]);
  EXPECT_EQ(message->wants[1], wants[1]);
  EXPECT_EQ(message->wants[2].cid, wants[2].cid);
  EXPECT_TRUE(message->wants[2].cancel);
}

TEST(BitswapMessage, carries_blocks_whose_cid_comes_from_their_bytes) {
  const std::string text(300, 'x');
  const ipld::Cid v0 = ipld::Cid::v0(ipld::sha2_256(as_bytes("zero")));
  const ipld::Cid long_hash = ipld::Cid::v1(ipld::Codec::dag_cbor, ipld::sha2_512(as_bytes("l")));
  MessageBuilder builder;
  add_block(builder, raw(text), text);
  add_block(builder, v0, "zero");
  add_block(builder, long_hash, "l");
  const Bytes body = body_of(builder);
  const auto message = decode_message(body);
  ASSERT_TRUE(message) << message.error().to_string();
  ASSERT_EQ(message->blocks.size(), 3U);
  EXPECT_EQ(cid_of(message->blocks[0].prefix, message->blocks[0].bytes), raw(text));
  EXPECT_EQ(cid_of(message->blocks[1].prefix, message->blocks[1].bytes), v0);
  EXPECT_EQ(cid_of(message->blocks[2].prefix, message->blocks[2].bytes), long_hash);
}

TEST(BitswapMessage, carries_presences_and_pending_bytes) {
  MessageBuilder builder;
  builder.add_presence({raw("a"), true});
  builder.add_presence({raw("b"), false});
  builder.set_pending_bytes(12345);
  const Bytes body = body_of(builder);
  const auto message = decode_message(body);
  ASSERT_TRUE(message);
  EXPECT_THAT(message->presences, ElementsAre(Presence{raw("a"), true}, Presence{raw("b"), false}));
  EXPECT_EQ(message->pending_bytes, 12345);
}

TEST(BitswapMessage, reads_and_writes_the_bare_blocks_of_1_0_0) {
  MessageBuilder builder(/*bare_blocks=*/true);
  const ipld::Cid v0 = ipld::Cid::v0(ipld::sha2_256(as_bytes("old")));
  add_block(builder, v0, "old");
  const Bytes body = body_of(builder);
  EXPECT_EQ(to_hex(body), "12036f6c64");
  const auto message = decode_message(body);
  ASSERT_TRUE(message);
  ASSERT_EQ(message->blocks.size(), 1U);
  EXPECT_EQ(cid_of(message->blocks[0].prefix, message->blocks[0].bytes), v0);
}

// The layout of the spec, written by hand: a want-have for one CID that asks for an answer.
TEST(BitswapMessage, writes_the_bytes_that_the_spec_says) {
  MessageBuilder builder;
  const std::vector<WantEntry> wants{{raw("a"), 1, WantType::have, false, true}};
  builder.set_wants(wants, false);
  const std::string cid = to_hex(raw("a").bytes());
  EXPECT_EQ(to_hex(body_of(builder)), "0a2e0a2c0a24" + cid + "100120012801");
}

TEST(BitswapMessage, forgets_a_block_that_could_not_be_read) {
  MessageBuilder builder;
  add_block(builder, raw("kept"), "kept");
  add_block(builder, raw("lost"), "lost");
  builder.drop_last_block();
  builder.add_presence({raw("lost"), false});
  const Bytes body = body_of(builder);
  const auto message = decode_message(body);
  ASSERT_TRUE(message);
  ASSERT_EQ(message->blocks.size(), 1U);
  EXPECT_EQ(as_text(message->blocks[0].bytes), "kept");
  EXPECT_THAT(message->presences, ElementsAre(Presence{raw("lost"), false}));
}

TEST(BitswapMessage, an_empty_one_says_nothing) {
  EXPECT_TRUE(MessageBuilder().empty());
  const auto message = decode_message({});
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->wants.empty() && message->blocks.empty() && message->presences.empty());
}

TEST(BitswapMessage, skips_fields_of_later_versions) {
  Bytes bytes;
  ipld::put_varint_field(bytes, 15, 1);
  ipld::put_bytes_field(bytes, 100, as_bytes("later"));
  EXPECT_TRUE(decode_message(bytes));
}

TEST(BitswapMessage, refuses_what_is_no_message) {
  expect_refused(*from_hex("0a05"), "promises 5 bytes");
  expect_refused(*from_hex("08ff"), "cut off");
  expect_refused(*from_hex("0b"), "wire type 3");
  expect_refused(*from_hex("0801"), "wire type");  // The wantlist as a number.
  expect_refused(*from_hex("2a00"), "wire type");  // pendingBytes as a string.
  expect_refused(*from_hex("0a020a00"), "without a CID");
  expect_refused(*from_hex("2200"), "without a CID");
}

TEST(BitswapMessage, refuses_identity_cids_and_long_ones) {
  const auto identity = ipld::Multihash::wrap(ipld::HashCode::identity, as_bytes("inlined"));
  const Bytes inlined = ipld::Cid::v1(ipld::Codec::raw, *identity).bytes();
  expect_refused(message_with_want(inlined), "holds its own block");
  expect_refused(message_with_want(Bytes(ipld::kMaxCidBytes + 1, 1)), "a CID of 169 bytes");
  expect_refused(message_with_want(as_bytes("no cid")), "broken");
  expect_refused(message_with_payload(*from_hex("01550004"), as_bytes("data")), "prefix");
}

TEST(BitswapMessage, refuses_prefixes_that_no_cid_has) {
  expect_refused(message_with_payload({}, as_bytes("data")), "broken");
  expect_refused(message_with_payload(*from_hex("0155120a"), as_bytes("data")),
                 "prefix");  // Short.
  expect_refused(message_with_payload(*from_hex("0255122001"), as_bytes("data")), "prefix");
  expect_refused(message_with_payload(*from_hex("015512ff01"), as_bytes("data")), "prefix");
}

TEST(BitswapMessage, refuses_digests_that_the_hash_does_not_have) {
  EXPECT_EQ(cid_of({1, ipld::Codec::raw, ipld::HashCode::sha2_256, 33}, {}).error().code,
            Errc::protocol);
  EXPECT_EQ(cid_of({1, ipld::Codec::raw, ipld::HashCode::blake3, 33}, {}).error().code,
            Errc::protocol);
  EXPECT_EQ(cid_of({1, ipld::Codec::raw, ipld::HashCode{0x1234}, 32}, {}).error().code,
            Errc::unsupported);
  EXPECT_FALSE(is_computed(ipld::HashCode{0x1234}, 32));
  EXPECT_FALSE(is_computed(ipld::HashCode::identity, 0));
  EXPECT_FALSE(is_computed(ipld::HashCode::blake3, 64));
  EXPECT_EQ(cid_of({0, ipld::Codec::raw, ipld::HashCode::sha2_256, 32}, {}).error().code,
            Errc::protocol);
}

TEST(BitswapMessage, computes_every_hash_that_ipld_does) {
  for (const auto code : {ipld::HashCode::sha2_256, ipld::HashCode::sha2_512,
                          ipld::HashCode::blake3, ipld::HashCode::blake2b_256}) {
    const std::size_t size = code == ipld::HashCode::sha2_512 ? 64 : 32;
    ASSERT_TRUE(is_computed(code, size));
    const auto cid = cid_of({1, ipld::Codec::raw, code, size}, as_bytes("a"));
    ASSERT_TRUE(cid) << cid.error().to_string();
    EXPECT_TRUE(ipld::verify_block(*cid, as_bytes("a")));
  }
}

TEST(BitswapMessage, knows_digests_that_were_cut_short) {
  const auto cid = cid_of({1, ipld::Codec::raw, ipld::HashCode::sha2_256, 20}, as_bytes("a"));
  ASSERT_TRUE(cid);
  EXPECT_TRUE(ipld::verify_block(*cid, as_bytes("a")));
  EXPECT_EQ(cid->hash().digest().size(), 20U);
}

TEST(BitswapMessage, refuses_large_blocks_and_messages) {
  const Bytes block(kMaxWireBlockBytes + 1);
  expect_refused(message_with_payload(*from_hex("01551220"), block), "block of 2097153 bytes");
  Bytes bare;
  ipld::put_bytes_field(bare, 2, block);
  expect_refused(bare, "block of 2097153 bytes");
  EXPECT_TRUE(decode_message(
      message_with_payload(*from_hex("01551220"), ByteView(block).first(kMaxWireBlockBytes))));
  expect_refused(Bytes(kMaxMessageBytes + 1), "4194305 bytes");
}

TEST(BitswapMessage, refuses_lists_without_end) {
  Bytes wants, presences;
  const Bytes cid = raw("a").bytes();
  Bytes entry;
  ipld::put_bytes_field(entry, 1, cid);
  Bytes list;
  for (std::size_t i = 0; i <= kMaxMessageItems; ++i) {
    ipld::put_bytes_field(list, 1, entry);
    ipld::put_bytes_field(presences, 4, entry);
  }
  ipld::put_bytes_field(wants, 1, list);
  expect_refused(wants, "more than 16384 wants");
  expect_refused(presences, "more than 16384 presences");
  Bytes blocks;
  for (std::size_t i = 0; i <= kMaxMessageItems; ++i) ipld::put_bytes_field(blocks, 2, cid);
  expect_refused(blocks, "more than 16384 blocks");
}

TEST(BitswapMessage, survives_every_cut_and_every_flipped_byte) {
  MessageBuilder builder;
  const std::vector<WantEntry> wants{{raw("a"), 5, WantType::have, false, true}};
  builder.set_wants(wants, true);
  add_block(builder, raw("block"), "block");
  builder.add_presence({raw("b"), false});
  const Bytes body = body_of(builder);
  for (std::size_t size = 0; size < body.size(); ++size) {
    (void)decode_message(ByteView(body).first(size));
  }
  SeededRandom random(20);
  for (int round = 0; round < 20000; ++round) {
    Bytes broken = body;
    Bytes dice(3);
    random.fill(dice);
    broken[(dice[0] * 256U + dice[1]) % broken.size()] = dice[2];
    const auto message = decode_message(broken);
    if (message) continue;
    EXPECT_EQ(message.error().code, Errc::protocol);
  }
}

}  // namespace
}  // namespace accel::exchange::bitswap
