// SPDX-License-Identifier: Apache-2.0
// Vectors: ipld/codec-fixtures, the CIDs of fixtures/dagpb_* (each form built here from its
// description) and the cases of negative-fixtures/dag-pb/decode.
#include "accel/ipld/dag_pb.hpp"

#include <gtest/gtest.h>

#include "property_support.hpp"
#include "accel/ipld/protobuf.hpp"

namespace accel::ipld {
namespace {

PbLink bare(std::string_view cid) {
  return {.cid = Cid::parse(cid).value(), .has_name = false, .has_tsize = false};
}

PbLink named(PbLink link, std::string name) {
  link.name = std::move(name);
  link.has_name = true;
  return link;
}

PbLink sized(PbLink link, std::uint64_t tsize) {
  link.tsize = tsize;
  link.has_tsize = true;
  return link;
}

void expect_cid(const PbNode& node, std::string_view cid) {
  const Bytes block = encode_pb(node);
  EXPECT_EQ(Cid::v1(Codec::dag_pb, sha2_256(block)).to_string(), cid) << to_hex(block);
  EXPECT_EQ(decode_pb(block).value(), node) << cid;
}

Errc error_of(std::string_view hex) { return decode_pb(from_hex(hex).value()).error().code; }

// A link to bafkqaaa in its shortest form: Hash only.
constexpr std::string_view kLink = "12060a0401550000";

TEST(DagPb, small_forms_get_the_published_cids) {
  const PbLink link = bare("bafkqabiaaebagba");
  expect_cid({}, "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
  expect_cid({{}, Bytes{}}, "bafybeiaqfni3s5s2k2r6rgpxz4hohdsskh44ka5tk6ztbjerqpvxwfkwaq");
  expect_cid({{}, Bytes{0, 1, 2, 3, 4}},
             "bafybeibazl2z4vqp2tmwcfag6wirmtpnomxknqcgrauj7m2yisrz3qjbom");
  expect_cid({{link}, {}}, "bafybeia53f5n75ituvc3yupuf7tdnxf6fqetrmo2alc6g6iljkmk7ys5mm");
  expect_cid({{named(link, "some name")}, {}},
             "bafybeifq4hcxma3kjljrpxtunnljtc6tvbkgsy3vldyfpfbx2lij76niyu");
  expect_cid({{named(link, "")}, {}},
             "bafybeie7fstnkm4yshfwnmpp7d3mlh4f4okmk7a54d6c3ffr755q7qzk44");
  expect_cid({{sized(link, 9007199254740991)}, {}},
             "bafybeiezymjvhwfuharanxmzxwuomzjjuzqjewjolr4phaiyp6l7qfwo64");
  expect_cid({{sized(link, 0)}, {}}, "bafybeichjs5otecmbvwh5azdr4jc45mp2qcofh2fr54wjdxhz4znahod2i");
  expect_cid({{link, named(link, "bar"), named(link, "foo")}, {}},
             "bafybeiahfgovhod2uvww72vwdgatl5r6qkoeegg7at2bghiokupfphqcku");
  expect_cid({{named(link, "a"), named(link, "a")}, {}},
             "bafybeieube7zxmzoc5bgttub2aqofi6xdzimv5munkjseeqccn36a6v6j4");
}

TEST(DagPb, nodes_of_real_files_get_the_published_cids) {
  expect_cid({{bare("QmWDtUQj38YLW8v3q4A6LwPn4vYKEbuKWpgSm6bjKW6Xfe")}, {}},
             "bafybeihyivpglm6o6wrafbe36fp5l67abmewk7i2eob5wacdbhz7as5obe");
  const PbLink first = bare("QmXg9Pp2ytZ14xgmQjYEiHjVjMFXzCVVEcRTWJBmLgR39U");
  const PbLink second = bare("QmXg9Pp2ytZ14xgmQjYEiHjVjMFXzCVVEcRTWJBmLgR39V");
  expect_cid(
      {{sized(named(first, "some link"), 100000000), sized(named(second, "some other link"), 8)},
       to_bytes("some data")},
      "bafybeibh647pmxyksmdm24uad6b5f7tx4dhvilzbg2fiqgzll4yek7g7y4");
  expect_cid(
      {{sized(named(bare("QmaUAwAQJNtvUdJB42qNbTTgDpzPYD1qdsKNtctM5i7DGB"), "audio_only.m4a"),
              23319629),
        sized(named(bare("QmNVrxbB25cKTRuKg2DuhUmBVEK9NmCwWEHtsHPV6YutHw"), "chat.txt"), 996),
        sized(named(bare("QmUcjKzDLXBPmB6BKHeKSh6ZoFZjss4XDhMRdLYRVuvVfu"), "playback.m3u"), 116),
        sized(named(bare("QmQqy2SiEkKgr2cw5UbQ93TtLKEMsD8TdcWggR8q9JabjX"), "zoom_0.mp4"),
              306281879)},
       Bytes{8, 1}},
      "bafybeigcsevw74ssldzfwhiijzmg7a35lssfmjkuoj2t5qs5u5aztj47tq");
}

TEST(DagPb, reads_data_in_front_of_links_and_writes_it_behind) {
  const Bytes data_first = from_hex("0a0201ff" + std::string(kLink)).value();
  const PbNode node = decode_pb(data_first).value();
  EXPECT_EQ(node.data, (Bytes{0x01, 0xff}));
  ASSERT_EQ(node.links.size(), 1U);
  EXPECT_EQ(to_hex(encode_pb(node)), std::string(kLink) + "0a0201ff");
}

TEST(DagPb, refuses_the_negative_fixtures) {
  for (const std::string_view hex :
       {"1200", "12000a050001020304", "12020a00", "12021200", "120b1209736f6d65206e616d65",
        "12021800", "120318f207",
        "12240a221220cf92fdefcdc34cac009c8b05eb662be0618db9de55ecd42785e9ec6712f8df650a0408021806"
        "12240a221220cf92fdefcdc34cac009c8b05eb662be0618db9de55ecd42785e9ec6712f8df65"}) {
    EXPECT_EQ(error_of(hex), Errc::corrupt) << hex;
  }
}

TEST(DagPb, refuses_repeated_and_misplaced_fields) {
  EXPECT_EQ(error_of("0a000a00"), Errc::corrupt);                      // Two data fields.
  EXPECT_EQ(error_of("120c0a04015500000a0401550000"), Errc::corrupt);  // Two hashes.
  EXPECT_EQ(error_of("120812000a0401550000"), Errc::corrupt);          // Name before hash.
  EXPECT_EQ(error_of("120a0a04015500001800"
                     "1200"),
            Errc::corrupt);  // Name behind size.
  EXPECT_EQ(error_of("120a0a0401550000"
                     "1200"
                     "1200"),
            Errc::corrupt);
}

TEST(DagPb, refuses_unknown_fields_and_wire_types) {
  EXPECT_EQ(error_of("1a00"), Errc::corrupt);  // Field 3 of a node.
  EXPECT_EQ(error_of("12080a0401550000"
                     "2000"),
            Errc::corrupt);                    // Field 4 of a link.
  EXPECT_EQ(error_of("0801"), Errc::corrupt);  // Data as a number.
  EXPECT_EQ(error_of("12080a04015500001001"), Errc::corrupt);
  EXPECT_EQ(error_of("0b"), Errc::corrupt);    // A group.
  EXPECT_EQ(error_of("0f"), Errc::corrupt);    // Wire type 7.
  EXPECT_EQ(error_of("0200"), Errc::corrupt);  // Field 0.
}

TEST(DagPb, refuses_lengths_beyond_the_end) {
  EXPECT_EQ(error_of("0a05000102"), Errc::corrupt);
  EXPECT_EQ(error_of("0affffffffffffffffff01"), Errc::corrupt);
  EXPECT_EQ(error_of("12060a0901550000"), Errc::corrupt);
  EXPECT_EQ(error_of("0a"), Errc::corrupt);
  EXPECT_EQ(error_of("0affffffffffffffffffff01"), Errc::corrupt);  // A varint of eleven bytes.
  EXPECT_EQ(error_of("0affffffffffffffffff02"), Errc::corrupt);    // A varint of 65 bits.
}

TEST(DagPb, refuses_every_cut_of_a_good_block) {
  const PbNode node{{{.cid = Cid{}, .name = "name", .tsize = 300}}, Bytes{8, 1}};
  const Bytes block = encode_pb(node);
  const std::size_t end_of_links = block.size() - 4;
  for (std::size_t size = 1; size < block.size(); ++size) {
    if (size == end_of_links) continue;  // A whole node, without data.
    EXPECT_FALSE(decode_pb(ByteView(block).first(size))) << size;
  }
}

TEST(DagPb, refuses_blocks_and_link_counts_above_the_limits) {
  EXPECT_EQ(decode_pb(Bytes(kMaxBlockBytes + 1, 0)).error().code, Errc::resource_exhausted);
  Bytes many;
  const Bytes link = from_hex(kLink).value();
  for (std::size_t i = 0; i <= kMaxLinks; ++i) many.insert(many.end(), link.begin(), link.end());
  ASSERT_LT(many.size(), kMaxBlockBytes);
  EXPECT_EQ(decode_pb(many).error().code, Errc::resource_exhausted);
  many.resize(many.size() - link.size());
  EXPECT_EQ(decode_pb(many).value().links.size(), kMaxLinks);
}

TEST(DagPb, keeps_names_of_any_bytes_and_sizes_of_64_bits) {
  const PbNode node{{{.cid = Cid{}, .name = std::string("\0\xff/..", 5), .tsize = UINT64_MAX}}, {}};
  EXPECT_EQ(decode_pb(encode_pb(node)).value(), node);
}

TEST(DagPb, reads_back_everything_it_writes) {
  ACCEL_TRACE_SEED();
  testing::Generator any;
  for (int round = 0; round < 300; ++round) {
    PbNode node;
    for (std::uint64_t i = any.below(6); i > 0; --i) {
      PbLink link{.cid = any.cid(), .has_name = false, .has_tsize = false};
      if (any.coin()) link = named(std::move(link), any.text_up_to(300));
      if (any.coin()) link = sized(std::move(link), any.number());
      node.links.push_back(std::move(link));
    }
    if (any.coin()) node.data = any.bytes_up_to(300);
    const auto read = decode_pb(encode_pb(node));
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(*read, node);
  }
}

TEST(Protobuf, reads_fixed_fields_and_says_where_it_failed) {
  const Bytes message = from_hex(
                            "0d01020304"
                            "1101020304050607088001")
                            .value();
  PbReader reader(message);
  EXPECT_EQ(reader.next().value().value, 0x04030201U);
  EXPECT_EQ(reader.next().value().value, 0x0807060504030201U);
  const auto cut = reader.next();
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Errc::corrupt);
}

}  // namespace
}  // namespace accel::ipld
