// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/codec.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/dag_json.hpp"

namespace accel::ipld {
namespace {

Cid leaf(std::string_view content) { return Cid::v1(Codec::raw, sha2_256(as_bytes(content))); }

Value json_value(std::string_view text) {
  return decode_dag_json(text, Strictness::historical).value();
}

TEST(Codec, raw_and_keys_are_bytes_without_links) {
  const Bytes block{1, 2, 3};
  for (const Codec codec : {Codec::raw, Codec::libp2p_key}) {
    const Value value = decode_value(codec, block, Strictness::canonical).value();
    EXPECT_EQ(value, Value::bytes({1, 2, 3}));
    EXPECT_EQ(encode_value(codec, value).value(), block);
    EXPECT_TRUE(links_of(Cid::v1(codec, sha2_256(block)), block).value().empty());
    EXPECT_EQ(encode_value(codec, Value::text("a")).error().code, Errc::invalid_argument);
    const Bytes large(kMaxBlockBytes + 1);
    EXPECT_EQ(decode_value(codec, large, Strictness::historical).error().code,
              Errc::resource_exhausted);
    EXPECT_EQ(encode_value(codec, Value::bytes(large)).error().code, Errc::resource_exhausted);
  }
}

TEST(Codec, links_come_in_the_order_of_the_block) {
  const Value value = Value::map({{"b", Value::link(leaf("2"))},
                                  {"a", Value::link(leaf("1"))},
                                  {"ccc", Value::list({Value::link(leaf("2"))})}});
  const std::vector<Cid> sorted{leaf("1"), leaf("2"), leaf("2")};
  for (const Codec codec : {Codec::dag_cbor, Codec::dag_json}) {
    const Bytes block = encode_value(codec, value).value();
    EXPECT_EQ(links_of(Cid::v1(codec, sha2_256(block)), block).value(), sorted);
  }
  const Bytes node = encode_pb({{{.cid = leaf("2")}, {.cid = leaf("1")}}, {}});
  EXPECT_EQ(links_of(Cid::v0(sha2_256(node)), node).value(),
            (std::vector<Cid>{leaf("2"), leaf("1")}));
}

TEST(Codec, links_of_historical_blocks_are_found) {
  // "b" before "a", and a 1 in two bytes.
  const Bytes block = from_hex("a26162d82a45000155000061611801").value();
  const Cid cid = Cid::v1(Codec::dag_cbor, sha2_256(block));
  EXPECT_EQ(links_of(cid, block).value(), std::vector<Cid>{Cid{}});
  EXPECT_FALSE(decode_dag_cbor(block));
}

TEST(Codec, errors_name_the_block) {
  const Bytes block{0xff};
  const Cid cid = Cid::v1(Codec::dag_cbor, sha2_256(block));
  const Error error = links_of(cid, block).error();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_NE(error.message.find(cid.to_string()), std::string::npos);
  const Codec other{0x1234};
  EXPECT_EQ(links_of(Cid::v1(other, sha2_256(block)), block).error().code, Errc::unsupported);
  EXPECT_EQ(decode_value(other, block, Strictness::canonical).error().code, Errc::unsupported);
  EXPECT_EQ(encode_value(other, Value{}).error().code, Errc::unsupported);
  EXPECT_FALSE(is_known_codec(other));
  EXPECT_FALSE(is_known_codec(Codec::car));
  EXPECT_TRUE(is_known_codec(Codec::libp2p_key));
}

TEST(Codec, dag_pb_is_canonical_with_sorted_links_before_data) {
  const PbNode node{{{.cid = leaf("1"), .name = "a"}, {.cid = leaf("2"), .name = "b"}}, Bytes{7}};
  const Bytes block = encode_pb(node);
  const Value value = decode_value(Codec::dag_pb, block, Strictness::canonical).value();
  EXPECT_EQ(encode_value(Codec::dag_pb, value).value(), block);
  EXPECT_EQ(pb_of_value(value).value(), node);

  const Bytes unsorted = encode_pb({{node.links[1], node.links[0]}, {}});
  EXPECT_TRUE(decode_value(Codec::dag_pb, unsorted, Strictness::historical));
  EXPECT_EQ(decode_value(Codec::dag_pb, unsorted, Strictness::canonical).error().code,
            Errc::corrupt);
  const Bytes data_first = from_hex("0a010012060a0401550000").value();
  EXPECT_TRUE(decode_value(Codec::dag_pb, data_first, Strictness::historical));
  EXPECT_FALSE(decode_value(Codec::dag_pb, data_first, Strictness::canonical));
}

TEST(ResolveStep, follows_keys_and_indices) {
  const Value value = json_value(R"({"a":[10,{"":"x","0":"y"}],"b/c":1})");
  const Value* const list = resolve_step(value, "a").value();
  EXPECT_EQ(*resolve_step(*list, "0").value(), Value::integer(10));
  const Value* const map = resolve_step(*list, "1").value();
  EXPECT_EQ(*resolve_step(*map, "0").value(), Value::text("y"));
  EXPECT_EQ(*resolve_step(*map, "").value(), Value::text("x"));
  EXPECT_EQ(*resolve_step(value, "b/c").value(), Value::integer(1));
}

TEST(ResolveStep, finds_nothing_where_there_is_nothing) {
  const Value list = json_value("[1,2]");
  for (const std::string_view segment : {"", "2", "-0", "-1", "+1", "01", "00", "1.0", " 1", "a",
                                         "18446744073709551615", "18446744073709551616"}) {
    EXPECT_EQ(resolve_step(list, segment).error().code, Errc::not_found) << segment;
  }
  for (const std::string_view text : {"1", "null", R"("text")", R"({"/":"bafkqaaa"})", "{}"}) {
    EXPECT_EQ(resolve_step(json_value(text), "a").error().code, Errc::not_found) << text;
  }
}

TEST(ResolveStep, dag_pb_goes_by_names_and_then_by_its_own_fields) {
  const Value node = value_of_pb(
      {{{.cid = leaf("1"), .name = "Links"}, {.cid = leaf("2"), .name = "a"}}, Bytes{7}});
  EXPECT_EQ(*resolve_step(Codec::dag_pb, node, "a").value()->as_link(), leaf("2"));
  EXPECT_EQ(*resolve_step(Codec::dag_pb, node, "Links").value()->as_link(), leaf("1"));
  EXPECT_EQ(*resolve_step(Codec::dag_pb, node, "Data").value(), Value::bytes({7}));
  EXPECT_EQ(resolve_step(Codec::dag_pb, node, "b").error().code, Errc::not_found);
  EXPECT_EQ(resolve_step(Codec::dag_cbor, node, "a").error().code, Errc::not_found);
  const Value* const links = resolve_step(Codec::dag_cbor, node, "Links").value();
  const Value* const second = resolve_step(*links, "1").value();
  EXPECT_EQ(*resolve_step(*second, "Hash").value()->as_link(), leaf("2"));
}

}  // namespace
}  // namespace accel::ipld
