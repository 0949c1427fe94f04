// SPDX-License-Identifier: Apache-2.0
// Vectors: ipfs/specs src/unixfs.md; the bytes 08 01 of the empty directory and 08 02 18 00 of the
// empty file are the best known UnixFS messages there are.
#include "accel/ipld/unixfs.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/dag_pb.hpp"
#include "property_support.hpp"
#include "accel/ipld/protobuf.hpp"

namespace accel::ipld {
namespace {

std::string encoded(const UnixFsNode& node) { return to_hex(encode_unixfs(node)); }
Result<UnixFsNode> decoded(std::string_view hex) { return decode_unixfs(from_hex(hex).value()); }
Errc error_of(std::string_view hex) { return decoded(hex).error().code; }

TEST(UnixFs, writes_the_well_known_messages) {
  EXPECT_EQ(encoded({.type = NodeType::directory}), "0801");
  EXPECT_EQ(encoded({.type = NodeType::file, .filesize = 0}), "08021800");
  EXPECT_EQ(encoded({.type = NodeType::file, .data = to_bytes("hi\n"), .filesize = 3}),
            "0802120368690a1803");
  EXPECT_EQ(encoded({.type = NodeType::file, .filesize = 262145, .blocksizes = {262144, 1}}),
            "080218818010208080102001");
  EXPECT_EQ(encoded({.type = NodeType::symlink, .data = to_bytes("foo")}), "08041203666f6f");
}

TEST(UnixFs, tells_empty_data_from_no_data) {
  EXPECT_EQ(encoded({.type = NodeType::file, .data = Bytes{}}), "08021200");
  EXPECT_EQ(decoded("08021200").value().data, Bytes{});
  EXPECT_FALSE(decoded("0802").value().data);
}

TEST(UnixFs, reads_mode_and_time) {
  const UnixFsNode node = decoded("0802180038a403420b0880d2f0c9061501000000").value();
  EXPECT_EQ(node.mode, 0644U);
  ASSERT_TRUE(node.mtime);
  EXPECT_EQ(node.mtime->seconds, 1'765'550'336);
  EXPECT_EQ(node.mtime->nanoseconds, 1U);
}

TEST(UnixFs, keeps_times_before_1970) {
  const UnixFsNode node{.type = NodeType::file, .mtime = UnixFsTime{-1, {}}};
  EXPECT_EQ(decode_unixfs(encode_unixfs(node)).value(), node);
}

TEST(UnixFs, reads_packed_block_sizes_and_writes_them_one_by_one) {
  const UnixFsNode node = decoded("080218838010220480801003").value();
  EXPECT_EQ(node.blocksizes, (std::vector<std::uint64_t>{262144, 3}));
  EXPECT_EQ(encoded(node), "080218838010208080102003");
}

TEST(UnixFs, reads_fields_in_any_order_and_skips_those_of_the_future) {
  const UnixFsNode node = decoded("18031201614a016150070802").value();
  EXPECT_EQ(node.type, NodeType::file);
  EXPECT_EQ(node.data, Bytes{'a'});
  EXPECT_EQ(node.filesize, 3U);
}

TEST(UnixFs, refuses_a_node_without_a_type) {
  EXPECT_EQ(error_of(""), Errc::corrupt);
  EXPECT_EQ(error_of("1800"), Errc::corrupt);
}

TEST(UnixFs, calls_a_type_of_the_future_unsupported) {
  EXPECT_EQ(error_of("0806"), Errc::unsupported);
  EXPECT_EQ(error_of("08ffffffffffffffffff01"), Errc::unsupported);
}

TEST(UnixFs, refuses_fields_given_twice) {
  EXPECT_EQ(error_of("08020802"), Errc::corrupt);
  EXPECT_EQ(error_of("080212001200"), Errc::corrupt);
  EXPECT_EQ(error_of("080218001800"), Errc::corrupt);
  EXPECT_EQ(error_of("08024202080142020801"), Errc::corrupt);
  EXPECT_EQ(error_of("0802420408010801"), Errc::corrupt);
}

TEST(UnixFs, refuses_wrong_wire_types) {
  EXPECT_EQ(error_of("0a0102"), Errc::corrupt);
  EXPECT_EQ(error_of("08021001"), Errc::corrupt);
  EXPECT_EQ(error_of("08021a0101"), Errc::corrupt);
  EXPECT_EQ(error_of("08022500000000"), Errc::corrupt);
  EXPECT_EQ(error_of("08024001"), Errc::corrupt);
  EXPECT_EQ(error_of("0802420408011001"),
            Errc::corrupt);  // Nanoseconds as a varint.
}

TEST(UnixFs, refuses_times_that_are_none) {
  EXPECT_EQ(error_of("08024200"), Errc::corrupt);  // No seconds.
  EXPECT_EQ(error_of("0802420708011500ca9a3b"),
            Errc::corrupt);  // 10^9 nanoseconds.
  EXPECT_TRUE(decoded("08024207080115ffc99a3b"));
}

TEST(UnixFs, refuses_a_mode_of_more_than_32_bits) {
  EXPECT_EQ(error_of("080238ffffffff1f"), Errc::corrupt);
  EXPECT_EQ(decoded("080238ffffffff0f").value().mode, UINT32_MAX);
}

TEST(UnixFs, refuses_lengths_beyond_the_end) {
  EXPECT_EQ(error_of("0802120461"), Errc::corrupt);
  EXPECT_EQ(error_of("080212ffffffffffffffff7f"), Errc::corrupt);
  EXPECT_EQ(error_of("0802220180"), Errc::corrupt);
}

TEST(UnixFs, refuses_more_block_sizes_than_a_node_has_links) {
  Bytes message = from_hex("0802").value();
  put_bytes_field(message, 4, Bytes(kMaxLinks, 1));
  EXPECT_EQ(decode_unixfs(message).value().blocksizes.size(), kMaxLinks);
  put_varint_field(message, 4, 1);
  EXPECT_EQ(decode_unixfs(message).error().code, Errc::resource_exhausted);
}

TEST(UnixFs, reads_back_everything_it_writes) {
  ACCEL_TRACE_SEED();
  testing::Generator any;
  for (int round = 0; round < 500; ++round) {
    UnixFsNode node{.type = static_cast<NodeType>(any.below(6))};
    if (any.coin()) node.data = any.bytes_up_to(200);
    if (any.coin()) node.filesize = any.number();
    for (std::uint64_t i = any.below(5); i > 0; --i) node.blocksizes.push_back(any.number());
    if (any.coin()) node.hash_type = any.number();
    if (any.coin()) node.fanout = any.number();
    if (any.coin()) node.mode = static_cast<std::uint32_t>(any.number());
    if (any.coin()) {
      node.mtime = UnixFsTime{static_cast<std::int64_t>(any.number()), {}};
      if (any.coin())
        node.mtime->nanoseconds = static_cast<std::uint32_t>(any.below(1'000'000'000));
    }
    const auto read = decode_unixfs(encode_unixfs(node));
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(*read, node);
  }
}

}  // namespace
}  // namespace accel::ipld
