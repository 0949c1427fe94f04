// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/value.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/utf8.hpp"

namespace accel::ipld {
namespace {

TEST(Integer, reads_and_prints_the_whole_range) {
  for (const std::string_view digits :
       {"0", "1", "-1", "23", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
        "-18446744073709551615", "-18446744073709551616"}) {
    EXPECT_EQ(Integer::parse(digits).value().to_string(), digits);
  }
  EXPECT_EQ(Integer::parse("-0").value(), Integer::of(0));
  EXPECT_EQ(Integer::parse("-18446744073709551616").value(), (Integer{true, UINT64_MAX}));
}

TEST(Integer, refuses_what_is_none_or_out_of_range) {
  for (const std::string_view digits :
       {"", "-", "+1", "01", "-01", "1a", " 1", "1.0", "--1", "18446744073709551616",
        "-18446744073709551617", "100000000000000000000000000"}) {
    EXPECT_FALSE(Integer::parse(digits)) << digits;
  }
}

TEST(Integer, converts_only_what_fits) {
  EXPECT_EQ(Integer::of(INT64_MIN).as_int64(), INT64_MIN);
  EXPECT_EQ(Integer::of(INT64_MIN).as_uint64(), std::nullopt);
  EXPECT_EQ(Integer::of_unsigned(UINT64_MAX).as_int64(), std::nullopt);
  EXPECT_EQ(Integer::of_unsigned(UINT64_MAX).as_uint64(), UINT64_MAX);
  EXPECT_EQ((Integer{true, UINT64_MAX}).as_int64(), std::nullopt);
}

TEST(Value, maps_are_equal_in_any_order_and_lists_are_not) {
  const auto one = Value::integer(1);
  const auto two = Value::integer(2);
  EXPECT_EQ(Value::map({{"a", one}, {"b", two}}), Value::map({{"b", two}, {"a", one}}));
  EXPECT_NE(Value::map({{"a", one}, {"b", two}}), Value::map({{"a", two}, {"b", one}}));
  EXPECT_NE(Value::map({{"a", one}}), Value::map({{"a", one}, {"b", two}}));
  EXPECT_NE(Value::list({one, two}), Value::list({two, one}));
  EXPECT_NE(Value::integer(1), Value::real(1));
  EXPECT_EQ(Value::link(Cid{}), Value::link(Cid{}));
}

TEST(Value, gives_its_links_in_their_order) {
  const Cid a = Cid::v1(Codec::raw, sha2_256(as_bytes("a")));
  const Cid b = Cid::v1(Codec::raw, sha2_256(as_bytes("b")));
  const auto value =
      Value::map({{"z", Value::list({Value::link(b), Value::link(a)})}, {"a", Value::link(b)}});
  EXPECT_EQ(links_of(value), (std::vector<Cid>{b, a, b}));
}

TEST(Utf8, takes_characters_and_refuses_the_rest) {
  for (const std::string_view good :
       {"", "a", "\x7f", "é", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const std::string_view bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x28\xa1"}) {
    EXPECT_FALSE(is_utf8(bad)) << to_hex(as_bytes(bad));
  }
}

TEST(Utf8, writes_what_it_takes) {
  std::string text;
  for (const char32_t code : {U'a', U'é', U'☺', U'\U00010151', U'\U0010ffff'}) {
    append_utf8(text, code);
  }
  EXPECT_EQ(text, "aé☺\U00010151\U0010ffff");
}

}  // namespace
}  // namespace accel::ipld
