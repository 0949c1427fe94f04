// SPDX-License-Identifier: Apache-2.0
// Vectors: ipld/specs codecs/dag-json, "Parse rejection modes in the reserved namespace"; ECMA-262
// Number::toString; the escapes that Kubo 0.43 writes. The fixtures of ipld/codec-fixtures are in
// codec_fixtures_test.cpp.
#include "accel/ipld/dag_json.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/dag_pb.hpp"
#include "value_support.hpp"

namespace accel::ipld {
namespace {

void expect_form(std::string_view text, const Value& value) {
  EXPECT_EQ(encode_dag_json(value).value(), text);
  const auto decoded = decode_dag_json(text);
  ASSERT_TRUE(decoded) << text << ": " << decoded.error().message;
  EXPECT_EQ(*decoded, value) << text;
}

void expect_corrupt(std::string_view text) {
  for (const Strictness strictness : {Strictness::canonical, Strictness::historical}) {
    const auto decoded = decode_dag_json(text, strictness);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code, Errc::corrupt) << text;
  }
}

// Only `historical` takes it, and reads `value`.
void expect_historical(std::string_view text, const Value& value) {
  const auto canonical = decode_dag_json(text);
  ASSERT_FALSE(canonical) << text;
  EXPECT_EQ(canonical.error().code, Errc::corrupt) << text;
  const auto decoded = decode_dag_json(text, Strictness::historical);
  ASSERT_TRUE(decoded) << text << ": " << decoded.error().message;
  EXPECT_EQ(*decoded, value) << text;
}

Value one() { return Value::integer(1); }

TEST(DagJson, writes_and_reads_every_kind) {
  expect_form("null", Value{});
  expect_form("true", Value::boolean(true));
  expect_form("false", Value::boolean(false));
  expect_form("0", Value::integer(0));
  expect_form("-1", Value::integer(-1));
  expect_form("18446744073709551615", Value::integer(Integer{false, UINT64_MAX}));
  expect_form("-18446744073709551616", Value::integer(Integer{true, UINT64_MAX}));
  expect_form(R"("")", Value::text(""));
  expect_form(R"("Čaues")", Value::text("Čaues"));
  expect_form(R"({"/":{"bytes":"AQI"}})", Value::bytes({1, 2}));
  expect_form(R"({"/":{"bytes":""}})", Value::bytes({}));
  expect_form(R"({"/":"bafkqaaa"})", Value::link(Cid{}));
  expect_form(R"({"/":"QmNPWHBrVQiiV8FpyNuEPhB9E2rbvdy9Yx79EY1EJuyf9o"})",
              Value::link(Cid::parse("QmNPWHBrVQiiV8FpyNuEPhB9E2rbvdy9Yx79EY1EJuyf9o").value()));
  expect_form("[]", Value::list({}));
  expect_form("[1,[1]]", Value::list({one(), Value::list({one()})}));
  expect_form("{}", Value::map({}));
}

TEST(DagJson, sorts_keys_by_bytes) {
  expect_form(R"({"":1,"a":1,"aa":1,"b":1,"é":1})",
              Value::map({{"é", one()}, {"b", one()}, {"aa", one()}, {"a", one()}, {"", one()}}));
}

TEST(DagJson, prints_floats_as_ecmascript_does_and_keeps_them_floats) {
  expect_form("1.0", Value::real(1));
  expect_form("0.0", Value::real(0));
  expect_form("-0.0", Value::real(-0.0));
  expect_form("1.1", Value::real(1.1));
  expect_form("-0.5", Value::real(-0.5));
  expect_form("123.456", Value::real(123.456));
  expect_form("0.000001", Value::real(1e-6));
  expect_form("1e-7", Value::real(1e-7));
  expect_form("-8.940696716308594e-8", Value::real(-8.940696716308594e-8));
  expect_form("5e-324", Value::real(5e-324));
  expect_form("100000000000000000000.0", Value::real(1e20));
  expect_form("123456789012345680000.0", Value::real(123456789012345680000.0));
  expect_form("1e+21", Value::real(1e21));
  expect_form("1.7976931348623157e+308", Value::real(1.7976931348623157e308));
}

TEST(DagJson, escapes_text_as_kubo_does) {
  expect_form(R"("\"\\/\n\r\t\u0008\u000c\u0000\u001f")",
              Value::text(std::string("\"\\/\n\r\t\b\f\0\x1f", 10)));
  expect_form("\"\x7f<>&'\"", Value::text("\x7f<>&'"));
  expect_form(R"("\u2028\u2029")", Value::text("\u2028\u2029"));
}

TEST(DagJson, reads_other_spellings_only_when_asked) {
  expect_historical(" [ 1 ,\t1 ]\r\n", Value::list({one(), one()}));
  expect_historical(R"({"b":1,"a":1})", Value::map({{"a", one()}, {"b", one()}}));
  expect_historical(R"({ "a" : 1 })", Value::map({{"a", one()}}));
  expect_historical("-0", Value::integer(0));
  expect_historical("1e0", Value::real(1));
  expect_historical("1E+2", Value::real(100));
  expect_historical("1.10", Value::real(1.1));
  expect_historical("0.1e1", Value::real(1));
  expect_historical(R"("\/\b\f\u0041\u00e9\ud83d\ude00")", Value::text("/\b\fAé😀"));
  expect_historical("\"\u2028\"", Value::text("\u2028"));
  expect_historical(
      R"({"/":"zdpuAtX7ZibcWdSKQwiDCkPjWwRvtcKCPku9H7LhgA4qJW4Wk"})",
      Value::link(Cid::parse("zdpuAtX7ZibcWdSKQwiDCkPjWwRvtcKCPku9H7LhgA4qJW4Wk").value()));
  expect_historical(R"({"/":{"bytes":"YQ=="}})", Value::bytes({'a'}));
  expect_historical(R"({"/":{"bytes":"YWI="}})", Value::bytes({'a', 'b'}));
  expect_historical(R"({"/": { "bytes" :"YWI"} })", Value::bytes({'a', 'b'}));
}

TEST(DagJson, the_reserved_namespace_is_kept) {
  expect_corrupt(R"({"/":"foo"})");
  expect_corrupt(R"({"/":""})");
  expect_corrupt(R"({"/":"foo","bar":"baz"})");
  expect_corrupt(R"({"/":"bafkqaaa","bar":"baz"})");
  expect_corrupt(R"({"bar":"baz","/":"foo"})");  // Sorted, "/" comes first.
  expect_corrupt(R"({"/":{"bytes":"foo","car":"baz"}})");
  expect_corrupt(R"({"/":{"bytes":"AQI"},"bar":"baz"})");
  expect_corrupt(R"({"/":{"bytes":"AQI","c":1},"bar":"baz"})");
  expect_corrupt(R"({"/":{"bytes":"!!!!"}})");
  expect_corrupt(R"({"/":{"bytes":"A"}})");    // Not a whole byte.
  expect_corrupt(R"({"/":{"bytes":"YR"}})");   // Bits left over.
  expect_corrupt(R"({"/":{"bytes":"YQ="}})");  // Half the padding.
  expect_corrupt(R"({"/":{"bytes":"YQ==="}})");
  expect_corrupt(R"({"/":{"bytes":"===="}})");
  expect_corrupt(R"({"/":{"bytes":"YQ==YQ=="}})");
}

TEST(DagJson, other_maps_with_a_slash_are_maps) {
  const auto foo = Value::text("foo");
  const auto yes = Value::boolean(true);
  expect_form(R"({"+bar":"foo","/":"foo"})", Value::map({{"+bar", foo}, {"/", foo}}));
  expect_form(R"({"/":true,"bar":"foo"})", Value::map({{"/", yes}, {"bar", foo}}));
  expect_form(R"({"/":{"abar":"foo","bytes":"foo"}})",
              Value::map({{"/", Value::map({{"abar", foo}, {"bytes", foo}})}}));
  expect_form(R"({"/":{"bytes":true},"bar":"foo"})",
              Value::map({{"/", Value::map({{"bytes", yes}})}, {"bar", foo}}));
  expect_form(R"({"/":{"/":"bafkqaaa"}})", Value::map({{"/", Value::link(Cid{})}}));
  expect_form(R"({"/":{"bytes":{"/":{"bytes":"AQI"}}}})",
              Value::map({{"/", Value::map({{"bytes", Value::bytes({1, 2})}})}}));
}

TEST(DagJson, refuses_to_write_what_would_read_as_something_else) {
  const auto foo = Value::text("foo");
  for (const Value& value : {
           Value::map({{"/", foo}}),
           Value::map({{"bar", foo}, {"/", foo}}),
           Value::map({{"/", Value::map({{"bytes", foo}})}}),
           Value::map({{"/", Value::map({{"c", foo}, {"bytes", foo}})}}),
           Value::map({{"a", foo}, {"a", foo}}),
           Value::text("\xff"),
           Value::map({{"\xff", foo}}),
           Value::real(std::numeric_limits<double>::quiet_NaN()),
           Value::real(-std::numeric_limits<double>::infinity()),
       }) {
    EXPECT_EQ(encode_dag_json(value).error().code, Errc::invalid_argument);
  }
}

TEST(DagJson, refuses_what_is_no_json) {
  for (const std::string_view text : {"",
                                      " ",
                                      "nul",
                                      "nulll",
                                      "True",
                                      "+1",
                                      "01",
                                      "-",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "1e+",
                                      "--1",
                                      "0x10",
                                      "1 2",
                                      "NaN",
                                      "Infinity",
                                      "-Infinity",
                                      "1e999",
                                      "18446744073709551616",
                                      "[",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "]",
                                      "{",
                                      "{}}",
                                      R"({"a")",
                                      R"({"a":)",
                                      R"({"a":1)",
                                      R"({"a":1,})",
                                      R"({a:1})",
                                      R"({1:1})",
                                      R"({"a" 1})",
                                      R"({"a":1 "b":2})",
                                      R"({'a':1})",
                                      "\"",
                                      "\"a",
                                      "\"\\\"",
                                      R"("\x41")",
                                      R"("\u12")",
                                      R"("\u12g4")",
                                      R"("\u+123")",
                                      R"("\ud800")",
                                      R"("\ud800x")",
                                      R"("\ud800\u0041")",
                                      R"("\udc00")",
                                      "\"\n\"",
                                      "\"\x01\"",
                                      "\"\xff\"",
                                      "\xef\xbb\xbf"
                                      "1",
                                      "/**/1",
                                      "[1]x"}) {
    expect_corrupt(text);
  }
  expect_corrupt(std::string_view("\"\0\"", 3));
  expect_corrupt(R"({"foo":1,"foo":2,"bar":3})");
  expect_corrupt(R"({"a":1,"\u0061":2})");
}

TEST(DagJson, has_limits) {
  const std::string deepest = encode_dag_json(testing::nested_lists(kMaxValueDepth)).value();
  EXPECT_TRUE(decode_dag_json(deepest));
  EXPECT_EQ(encode_dag_json(testing::nested_lists(kMaxValueDepth + 1)).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(decode_dag_json("[" + deepest + "]").error().code, Errc::resource_exhausted);
  EXPECT_EQ(decode_dag_json(std::string(kMaxBlockBytes, '[')).error().code,
            Errc::resource_exhausted);
  EXPECT_EQ(decode_dag_json(std::string(kMaxBlockBytes + 1, ' ')).error().code,
            Errc::resource_exhausted);
  std::string many = "[0";
  for (std::size_t i = 0; i < kMaxValues; ++i) many += ",0";
  EXPECT_EQ(decode_dag_json(many + "]").error().code, Errc::resource_exhausted);
  EXPECT_EQ(encode_dag_json(Value::bytes(Bytes(kMaxBlockBytes))).error().code,
            Errc::resource_exhausted);
}

TEST(DagJson, writes_links_and_bytes_no_deeper_than_it_reads_them) {
  const auto check = [](std::size_t depth, const Value& innermost) {
    const Value deepest = testing::nested_lists(depth, innermost);
    EXPECT_EQ(decode_dag_json(encode_dag_json(deepest).value()).value(), deepest);
    const Value deeper = testing::nested_lists(depth + 1, innermost);
    EXPECT_EQ(encode_dag_json(deeper).error().code, Errc::invalid_argument);
  };
  check(kMaxValueDepth - 1, Value::link(Cid{}));
  check(kMaxValueDepth - 2, Value::bytes({0}));
}

TEST(DagJson, reads_bytes_of_any_length) {
  const Value value = Value::bytes(Bytes(100'000, 0x5a));
  EXPECT_EQ(decode_dag_json(encode_dag_json(value).value()).value(), value);
}

TEST(DagJson, random_values_come_back_equal_from_both_codecs) {
  testing::ValueGenerator generator(false);
  ACCEL_TRACE_SEED();
  for (int i = 0; i < 500; ++i) {
    const Value value = generator.value();
    const std::string text = encode_dag_json(value).value();
    const auto canonical = decode_dag_json(text);
    ASSERT_TRUE(canonical) << text << canonical.error().message;
    EXPECT_EQ(*canonical, value) << text;
    EXPECT_EQ(encode_dag_cbor(*canonical).value(), encode_dag_cbor(value).value()) << text;
  }
}

}  // namespace
}  // namespace accel::ipld
