// SPDX-License-Identifier: Apache-2.0
// Vectors: multiformats/multibase, tests/basic.csv, leading_zero.csv, two_leading_zeros.csv and
// case_insensitivity.csv, for the bases that are read here.
#include "accel/ipld/multibase.hpp"

#include <gtest/gtest.h>

#include "property_support.hpp"

namespace accel::ipld {
namespace {

constexpr Multibase kAll[] = {
    Multibase::base16,       Multibase::base16_upper, Multibase::base32,
    Multibase::base32_upper, Multibase::base36,       Multibase::base36_upper,
    Multibase::base58btc,    Multibase::base64,       Multibase::base64url};

void expect_both_ways(std::string_view plain, std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) {
    const auto base = static_cast<Multibase>(text.front());
    EXPECT_EQ(multibase_encode(base, as_bytes(plain)), text);
    const auto decoded = multibase_decode(text);
    ASSERT_TRUE(decoded) << text << ": " << decoded.error().message;
    EXPECT_EQ(as_text(*decoded), plain) << text;
  }
}

Errc error_of(std::string_view text) { return multibase_decode(text).error().code; }

TEST(Multibase, equals_the_basic_vectors) {
  expect_both_ways("yes mani !",
                   {"f796573206d616e692021", "F796573206D616E692021", "bpfsxgidnmfxgsibb",
                    "BPFSXGIDNMFXGSIBB", "k2lcpzo5yikidynfl", "K2LCPZO5YIKIDYNFL",
                    "z7paNL19xttacUY", "meWVzIG1hbmkgIQ", "ueWVzIG1hbmkgIQ"});
}

TEST(Multibase, keeps_leading_zero_bytes) {
  using namespace std::string_view_literals;
  expect_both_ways("\0yes mani !"sv,
                   {"f00796573206d616e692021", "F00796573206D616E692021", "bab4wk4zanvqw42jaee",
                    "BAB4WK4ZANVQW42JAEE", "k02lcpzo5yikidynfl", "K02LCPZO5YIKIDYNFL",
                    "z17paNL19xttacUY", "mAHllcyBtYW5pICE", "uAHllcyBtYW5pICE"});
  expect_both_ways(
      "\0\0yes mani !"sv,
      {"f0000796573206d616e692021", "F0000796573206D616E692021", "baaahszltebwwc3tjeaqq",
       "BAAAHSZLTEBWWC3TJEAQQ", "k002lcpzo5yikidynfl", "K002LCPZO5YIKIDYNFL", "z117paNL19xttacUY",
       "mAAB5ZXMgbWFuaSAh", "uAAB5ZXMgbWFuaSAh"});
}

TEST(Multibase, reads_either_case_where_the_spec_asks_for_it) {
  for (const std::string_view text :
       {"f68656c6c6f20776F726C64", "F68656c6c6f20776F726C64", "bnbswy3dpeB3W64TMMQ",
        "Bnbswy3dpeB3W64TMMQ", "kfUvrsIvVnfRbjWaJo", "KfUVrSIVVnFRbJWAJo"}) {
    EXPECT_EQ(as_text(multibase_decode(text).value()), "hello world") << text;
  }
}

TEST(Multibase, base58_and_base64_tell_cases_apart) {
  EXPECT_NE(multibase_decode("z7paNL19xttacUY").value(),
            multibase_decode("z7PANL19xttacUY").value());
  EXPECT_NE(multibase_decode("uAHll").value_or(Bytes{}),
            multibase_decode("uahll").value_or(Bytes{}));
}

TEST(Multibase, base64url_spells_62_and_63_so_that_urls_can_hold_them) {
  const Bytes bytes{0xfb, 0xff};
  EXPECT_EQ(multibase_encode(Multibase::base64, bytes), "m+/8");
  EXPECT_EQ(multibase_encode(Multibase::base64url, bytes), "u-_8");
  EXPECT_EQ(error_of("u+/8"), Errc::invalid_argument);
  EXPECT_EQ(error_of("m-_8"), Errc::invalid_argument);
}

TEST(Multibase, no_bytes_are_the_prefix_alone) {
  for (const Multibase base : kAll) {
    EXPECT_EQ(multibase_encode(base, {}), std::string(1, static_cast<char>(base)));
    EXPECT_TRUE(multibase_decode(std::string(1, static_cast<char>(base))).value().empty());
  }
}

TEST(Multibase, refuses_unknown_bases_and_foreign_digits) {
  EXPECT_EQ(error_of(""), Errc::invalid_argument);
  EXPECT_EQ(error_of("?abc"), Errc::invalid_argument);
  EXPECT_EQ(error_of("7171312"), Errc::invalid_argument);  // Base 8 exists; it is not read here.
  EXPECT_EQ(error_of("z0OIl"), Errc::invalid_argument);    // The four that base58 leaves out.
  EXPECT_EQ(error_of("b01"), Errc::invalid_argument);
  EXPECT_EQ(error_of("fzz"), Errc::invalid_argument);
  EXPECT_EQ(error_of("meWVz IG1h"), Errc::invalid_argument);
  EXPECT_EQ(error_of("meWVzIG1hbmkgIQ=="), Errc::invalid_argument);
  EXPECT_EQ(error_of(std::string("k\xff\x80", 3)), Errc::invalid_argument);
  EXPECT_EQ(error_of(std::string("b\0", 2)), Errc::invalid_argument);
}

TEST(Multibase, an_error_says_where_the_digit_stands) {
  EXPECT_NE(multibase_decode("bab1").error().message.find("position 2"), std::string::npos);
}

TEST(Multibase, refuses_digits_that_end_inside_a_byte) {
  EXPECT_EQ(error_of("f7"), Errc::invalid_argument);
  EXPECT_EQ(error_of("ba"), Errc::invalid_argument);
  EXPECT_EQ(error_of("bab"), Errc::invalid_argument);  // Two digits hold ten bits: two must be 0.
  EXPECT_EQ(error_of("mA"), Errc::invalid_argument);
  EXPECT_EQ(error_of("mAB"), Errc::invalid_argument);
}

TEST(Multibase, refuses_texts_above_the_limit_before_it_reads_them) {
  EXPECT_TRUE(base_decode(Multibase::base58btc, std::string(kMaxMultibaseText, 'z')));
  EXPECT_EQ(base_decode(Multibase::base58btc, std::string(kMaxMultibaseText + 1, 'z')).error().code,
            Errc::invalid_argument);
}

TEST(Multibase, reads_back_everything_it_writes) {
  ACCEL_TRACE_SEED();
  testing::Generator any;
  for (int round = 0; round < 300; ++round) {
    Bytes bytes = any.bytes_up_to(80);
    if (any.coin()) bytes.insert(bytes.begin(), any.below(4), 0);
    for (const Multibase base : kAll) {
      const auto decoded = multibase_decode(multibase_encode(base, bytes));
      ASSERT_TRUE(decoded);
      ASSERT_EQ(*decoded, bytes) << static_cast<char>(base) << " " << to_hex(bytes);
    }
  }
}

}  // namespace
}  // namespace accel::ipld
