// SPDX-License-Identifier: Apache-2.0
#include "accel/net/header_values.hpp"

#include <gtest/gtest.h>

#include "accel/core/random.hpp"

namespace accel::net {
namespace {

struct RangeCase {
  const char* value;
  std::uint64_t size;
  RangeOutcome outcome;
  ByteRange range;
};

class Range : public testing::TestWithParam<RangeCase> {};

TEST_P(Range, resolves_against_the_size) {
  const RangeCase& the = GetParam();
  const RangeRequest got = resolve_range(the.value, the.size);
  EXPECT_EQ(got.outcome, the.outcome) << the.value;
  EXPECT_EQ(got.range, the.range) << the.value << " first " << got.range.first << " length "
                                  << got.range.length;
}

constexpr auto kWhole = RangeOutcome::whole;
constexpr auto kPartial = RangeOutcome::partial;
constexpr auto kNone = RangeOutcome::unsatisfiable;

// RFC 9110 section 14.1.2, and what hostile clients send.
INSTANTIATE_TEST_SUITE_P(
    HeaderValues, Range,
    testing::Values(
        RangeCase{"bytes=0-499", 10'000, kPartial, {0, 500}},
        RangeCase{"bytes=500-999", 10'000, kPartial, {500, 500}},
        RangeCase{"bytes=-500", 10'000, kPartial, {9'500, 500}},
        RangeCase{"bytes=9500-", 10'000, kPartial, {9'500, 500}},
        RangeCase{"bytes=0-0", 1, kPartial, {0, 1}}, RangeCase{"bytes=0-9", 5, kPartial, {0, 5}},
        RangeCase{"bytes=-10", 5, kPartial, {0, 5}}, RangeCase{"BYTES=1-1", 5, kPartial, {1, 1}},
        RangeCase{" bytes = 1 - 2 ", 5, kPartial, {1, 2}}, RangeCase{"bytes=5-", 5, kNone, {}},
        RangeCase{"bytes=5-9", 5, kNone, {}}, RangeCase{"bytes=-0", 5, kNone, {}},
        RangeCase{"bytes=0-", 0, kNone, {}}, RangeCase{"bytes=-1", 0, kNone, {}},
        RangeCase{"bytes=99999999999999999999999-", 5, kNone, {}},
        RangeCase{"bytes=-99999999999999999999999", 5, kPartial, {0, 5}},
        RangeCase{"bytes=0-99999999999999999999999", 5, kPartial, {0, 5}},
        RangeCase{"bytes=18446744073709551615-18446744073709551615", 5, kNone, {}},
        RangeCase{"bytes=3-2", 5, kWhole, {}}, RangeCase{"bytes=0-1,3-4", 5, kWhole, {}},
        RangeCase{"bytes=", 5, kWhole, {}}, RangeCase{"bytes=-", 5, kWhole, {}},
        RangeCase{"bytes", 5, kWhole, {}}, RangeCase{"", 5, kWhole, {}},
        RangeCase{"lines=0-1", 5, kWhole, {}}, RangeCase{"bytes=a-b", 5, kWhole, {}},
        RangeCase{"bytes=+1-2", 5, kWhole, {}}, RangeCase{"bytes=0x0-1", 5, kWhole, {}},
        RangeCase{"bytes=1-2-3", 5, kWhole, {}}, RangeCase{"bytes=--1", 5, kWhole, {}}));

TEST(HeaderValues, a_resolved_range_always_lies_inside) {
  const std::uint64_t seed = 4711;
  SeededRandom random(seed);
  const std::string alphabet = "0123456789-,= bytes";
  for (int i = 0; i < 50'000; ++i) {
    std::string value = "bytes=";
    const std::size_t length = random.below(12);
    for (std::size_t k = 0; k < length; ++k) value += alphabet[random.below(alphabet.size())];
    const std::uint64_t size = random.below(2000);
    const RangeRequest got = resolve_range(value, size);
    if (got.outcome != RangeOutcome::partial) continue;
    ASSERT_GE(got.range.length, 1U) << "seed " << seed << ": " << value;
    ASSERT_LE(got.range.first + got.range.length, size) << "seed " << seed << ": " << value;
  }
}

TEST(HeaderValues, content_range_round_trips) {
  const ByteRange range{500, 500};
  EXPECT_EQ(content_range(range, 1234), "bytes 500-999/1234");
  const auto parsed = parse_content_range("bytes 500-999/1234");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->range, range);
  EXPECT_EQ(parsed->size_bytes, 1234U);
  EXPECT_EQ(parse_content_range("bytes 0-0/*")->size_bytes, std::nullopt);
  EXPECT_EQ(unsatisfied_content_range(7), "bytes */7");
}

TEST(HeaderValues, a_content_range_that_lies_is_none) {
  for (const char* value : {"", "bytes", "bytes */7", "bytes 5-4/9", "bytes 0-9/9", "bytes 0-9",
                            "items 0-1/2", "bytes 0-18446744073709551615/*", "bytes a-b/c"}) {
    EXPECT_FALSE(parse_content_range(value).has_value()) << value;
  }
}

TEST(HeaderValues, entity_tags_match_weakly_and_in_lists) {
  EXPECT_TRUE(etag_matches("\"a\"", "\"a\""));
  EXPECT_TRUE(etag_matches("\"x\", W/\"a\" ,\"y\"", "\"a\""));
  EXPECT_TRUE(etag_matches("*", "\"a\""));
  EXPECT_TRUE(etag_matches("\"a,b\"", "\"a,b\""));
  EXPECT_FALSE(etag_matches("\"b\"", "\"a\""));
  EXPECT_FALSE(etag_matches("a", "\"a\""));
  EXPECT_FALSE(etag_matches("", "\"a\""));
}

TEST(HeaderValues, content_disposition_can_not_be_broken_out_of) {
  EXPECT_EQ(content_disposition("attachment", "a.bin"), "attachment; filename=\"a.bin\"");
  EXPECT_EQ(content_disposition("inline", "a\"\r\nX: y"),
            "inline; filename=\"a___X: y\"; filename*=UTF-8''a%22%0D%0AX%3A%20y");
  EXPECT_EQ(content_disposition("inline", "ä"), "inline; filename=\"_\"; filename*=UTF-8''%C3%A4");
}

}  // namespace
}  // namespace accel::net
