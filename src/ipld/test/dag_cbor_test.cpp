// SPDX-License-Identifier: Apache-2.0
// Vectors: ipld/specs codecs/dag-cbor ("Strictness") and RFC 8949, appendix A; the fixtures of
// ipld/codec-fixtures are in codec_fixtures_test.cpp.
#include "accel/ipld/dag_cbor.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "accel/ipld/dag_pb.hpp"
#include "value_support.hpp"

namespace accel::ipld {
namespace {

Result<Value> decode(std::string_view hex, Strictness strictness = Strictness::canonical) {
  return decode_dag_cbor(from_hex(hex).value(), strictness);
}

std::string encode(const Value& value) { return to_hex(encode_dag_cbor(value).value()); }

void expect_form(std::string_view hex, const Value& value) {
  EXPECT_EQ(encode(value), hex);
  const auto decoded = decode(hex);
  ASSERT_TRUE(decoded) << hex << ": " << decoded.error().message;
  EXPECT_EQ(*decoded, value) << hex;
}

void expect_corrupt(std::string_view hex) {
  for (const Strictness strictness : {Strictness::canonical, Strictness::historical}) {
    const auto decoded = decode(hex, strictness);
    ASSERT_FALSE(decoded) << hex;
    EXPECT_EQ(decoded.error().code, Errc::corrupt) << hex;
  }
}

// Only `historical` takes it, and reads `value`.
void expect_historical(std::string_view hex, const Value& value) {
  const auto canonical = decode(hex);
  ASSERT_FALSE(canonical) << hex;
  EXPECT_EQ(canonical.error().code, Errc::corrupt) << hex;
  const auto decoded = decode(hex, Strictness::historical);
  ASSERT_TRUE(decoded) << hex << ": " << decoded.error().message;
  EXPECT_EQ(*decoded, value) << hex;
}

TEST(DagCbor, writes_and_reads_every_kind) {
  expect_form("f6", Value{});
  expect_form("f4", Value::boolean(false));
  expect_form("f5", Value::boolean(true));
  expect_form("00", Value::integer(0));
  expect_form("17", Value::integer(23));
  expect_form("1818", Value::integer(24));
  expect_form("1903e8", Value::integer(1000));
  expect_form("1a000f4240", Value::integer(1000000));
  expect_form("1bffffffffffffffff", Value::integer(Integer{false, UINT64_MAX}));
  expect_form("3bffffffffffffffff", Value::integer(Integer{true, UINT64_MAX}));
  expect_form("20", Value::integer(-1));
  expect_form("3903e7", Value::integer(-1000));
  expect_form("fb3ff199999999999a", Value::real(1.1));
  expect_form("fb8000000000000000", Value::real(-0.0));
  expect_form("60", Value::text(""));
  expect_form("62c3bc", Value::text("ü"));
  expect_form("4401020304", Value::bytes({1, 2, 3, 4}));
  expect_form("80", Value::list({}));
  expect_form("83010203", Value::list({Value::integer(1), Value::integer(2), Value::integer(3)}));
  expect_form("a0", Value::map({}));
  expect_form("d82a450001550000", Value::link(Cid{}));
}

TEST(DagCbor, sorts_keys_by_length_and_then_by_bytes) {
  const auto value = Value::map({{"bb", Value::integer(3)},
                                 {"b", Value::integer(2)},
                                 {"", Value::integer(0)},
                                 {"a", Value::integer(1)}});
  expect_form("a4600061610161620262626203", value);
}

TEST(DagCbor, keeps_the_order_of_a_block_so_that_walks_take_its_links_in_turn) {
  const Value value = decode("a2616201616102", Strictness::historical).value();
  EXPECT_EQ(value.as_map()->front().key, "b");
}

TEST(DagCbor, reads_what_others_wrote_only_when_asked) {
  expect_historical("a2616201616102",
                    Value::map({{"a", Value::integer(2)}, {"b", Value::integer(1)}}));
  expect_historical("1817", Value::integer(23));
  expect_historical("190001", Value::integer(1));
  expect_historical("1a0000ffff", Value::integer(0xffff));
  expect_historical("1b00000000ffffffff", Value::integer(0xffffffff));
  expect_historical("3800", Value::integer(-1));
  expect_historical("580101", Value::bytes({1}));
  expect_historical("780161", Value::text("a"));
  expect_historical("980101", Value::list({Value::integer(1)}));
}

TEST(DagCbor, reads_short_floats_only_when_asked) {
  expect_historical("f93c00", Value::real(1));
  expect_historical("f90001", Value::real(5.960464477539063e-8));
  expect_historical("f97bff", Value::real(65504));
  expect_historical("f9c400", Value::real(-4));
  expect_historical("fa47c35000", Value::real(100000));
}

TEST(DagCbor, reads_text_that_is_no_utf8_only_when_asked_and_never_writes_it) {
  expect_historical("61ff", Value::text("\xff"));
  EXPECT_EQ(encode_dag_cbor(Value::text("\xff")).error().code, Errc::invalid_argument);
  EXPECT_EQ(encode_dag_cbor(Value::map({{"\xff", Value{}}})).error().code, Errc::invalid_argument);
}

TEST(DagCbor, refuses_what_has_no_place_in_the_data_model) {
  expect_corrupt("f7");                      // undefined
  expect_corrupt("f0");                      // simple(16)
  expect_corrupt("f818");                    // simple(24)
  expect_corrupt("f814");                    // false, in two bytes
  expect_corrupt("ff");                      // break
  expect_corrupt("9fff");                    // [_ ]
  expect_corrupt("bfff");                    // {_ }
  expect_corrupt("5f4100ff");                // (_ h'00')
  expect_corrupt("7f6161ff");                // (_ "a")
  expect_corrupt("1c");                      // reserved
  expect_corrupt("1f");                      // an integer of indefinite length
  expect_corrupt("f97e00");                  // NaN
  expect_corrupt("f97c00");                  // Infinity
  expect_corrupt("f9fc00");                  // -Infinity
  expect_corrupt("fa7fc00000");              // NaN
  expect_corrupt("faff800000");              // -Infinity
  expect_corrupt("fb7ff8000000000000");      // NaN
  expect_corrupt("fb7ff0000000000000");      // Infinity
  expect_corrupt("fbfff0000000000000");      // -Infinity
  expect_corrupt("c11a514b67b0");            // tag 1, a date
  expect_corrupt("c249010000000000000000");  // a big number
  expect_corrupt("a10102");                  // a key that is an integer
  expect_corrupt("a1f602");                  // a key that is null
  expect_corrupt("a2616101616102");          // a key twice
  expect_corrupt("a3636261720363666f6f0163666f6f02");
}

TEST(DagCbor, refuses_broken_links) {
  expect_corrupt("d82a4401550000");      // no 0x00 in front
  expect_corrupt("d82a40");              // nothing
  expect_corrupt("d82a4100");            // no CID
  expect_corrupt("d82a46000155000000");  // something behind the CID
  expect_corrupt("d82a650001550000");    // text
  expect_corrupt("d82a");
  expect_corrupt("d82ad82a450001550000");  // a tag in a tag
  expect_corrupt("d82b450001550000");      // another tag
}

TEST(DagCbor, refuses_a_long_spelling_of_the_tag_unless_asked) {
  expect_historical("d9002a450001550000", Value::link(Cid{}));
}

TEST(DagCbor, refuses_what_is_cut_off_or_goes_on) {
  expect_corrupt("");
  expect_corrupt("18");
  expect_corrupt("1b00");
  expect_corrupt("61");
  expect_corrupt("6261");
  expect_corrupt("5bffffffffffffffff");
  expect_corrupt("7b7fffffffffffffff00");
  expect_corrupt("82");
  expect_corrupt("8201");
  expect_corrupt("9bffffffffffffffff");
  expect_corrupt("bbffffffffffffffff");
  expect_corrupt("a1");
  expect_corrupt("a16161");
  expect_corrupt("fb00");
  expect_corrupt("0000");
}

TEST(DagCbor, every_cut_of_a_block_is_refused) {
  testing::ValueGenerator generator(true);
  ACCEL_TRACE_SEED();
  const Bytes block = encode_dag_cbor(generator.value()).value();
  for (std::size_t size = 0; size < block.size(); ++size) {
    EXPECT_FALSE(decode_dag_cbor(ByteView(block).first(size)));
  }
}

TEST(DagCbor, has_limits) {
  const Bytes deepest = encode_dag_cbor(testing::nested_lists(kMaxValueDepth)).value();
  EXPECT_TRUE(decode_dag_cbor(deepest));
  EXPECT_EQ(encode_dag_cbor(testing::nested_lists(kMaxValueDepth + 1)).error().code,
            Errc::invalid_argument);
  Bytes deeper(kMaxValueDepth + 1, 0x81);
  deeper.push_back(0xf6);
  EXPECT_EQ(decode_dag_cbor(deeper).error().code, Errc::resource_exhausted);
  EXPECT_EQ(decode_dag_cbor(Bytes(kMaxBlockBytes, 0x81)).error().code, Errc::resource_exhausted);
  EXPECT_EQ(decode_dag_cbor(Bytes(kMaxBlockBytes + 1, 0)).error().code, Errc::resource_exhausted);

  Bytes many(kMaxValues + 5, 0xf6);  // A list of kMaxValues: with itself one too many.
  many[0] = 0x9a;
  for (std::size_t i = 0; i < 4; ++i) {
    many[i + 1] = static_cast<std::uint8_t>(kMaxValues >> (24 - 8 * i));
  }
  EXPECT_EQ(decode_dag_cbor(many).error().code, Errc::resource_exhausted);
  EXPECT_EQ(encode_dag_cbor(Value::bytes(Bytes(kMaxBlockBytes))).error().code,
            Errc::resource_exhausted);
}

TEST(DagCbor, nested_promises_do_not_add_up_to_memory) {
  Bytes block;
  for (int i = 0; i < 200; ++i) {  // Each list promises a million items and holds the next.
    for (const int byte : {0x9a, 0x00, 0x07, 0xff, 0xff}) {
      block.push_back(static_cast<std::uint8_t>(byte));
    }
  }
  block.resize(std::size_t{1} << 20U, 0xf6);
  EXPECT_EQ(decode_dag_cbor(block).error().code, Errc::resource_exhausted);
}

TEST(DagCbor, refuses_to_write_what_it_would_not_read) {
  EXPECT_EQ(encode_dag_cbor(Value::real(std::numeric_limits<double>::quiet_NaN())).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(encode_dag_cbor(Value::real(std::numeric_limits<double>::infinity())).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(encode_dag_cbor(Value::map({{"a", Value{}}, {"a", Value{}}})).error().code,
            Errc::invalid_argument);
}

TEST(DagCbor, random_values_come_back_equal) {
  testing::ValueGenerator generator(true);
  ACCEL_TRACE_SEED();
  for (int i = 0; i < 500; ++i) {
    const Value value = generator.value();
    const Bytes block = encode_dag_cbor(value).value();
    const auto canonical = decode_dag_cbor(block);
    ASSERT_TRUE(canonical) << to_hex(block) << canonical.error().message;
    EXPECT_EQ(*canonical, value) << to_hex(block);
    EXPECT_EQ(decode_dag_cbor(block, Strictness::historical).value(), value) << to_hex(block);
  }
}

}  // namespace
}  // namespace accel::ipld
