// SPDX-License-Identifier: Apache-2.0
#include "accel/net/headers.hpp"

#include <gtest/gtest.h>

#include "header_syntax.hpp"

namespace accel::net {
namespace {

TEST(Headers, finds_names_without_case_and_keeps_order) {
  Headers headers{{"Host", "a"}, {"X-One", "1"}, {"x-one", "2"}};
  EXPECT_EQ(headers.get("hOST"), "a");
  EXPECT_EQ(headers.get("X-ONE"), "1");
  EXPECT_EQ(headers.count("x-one"), 2U);
  EXPECT_EQ(headers.combined("X-One"), "1, 2");
  EXPECT_EQ(headers.get("Missing"), std::nullopt);
  EXPECT_EQ(headers.get_or("Missing", "other"), "other");
}

TEST(Headers, set_replaces_all_of_a_name) {
  Headers headers{{"A", "1"}, {"a", "2"}, {"B", "3"}};
  headers.set("A", "4");
  EXPECT_EQ(headers.count("a"), 1U);
  EXPECT_EQ(headers.get("a"), "4");
  headers.erase("b");
  EXPECT_EQ(headers.size(), 1U);
}

TEST(Headers, finds_tokens_in_lists) {
  const Headers headers{{"Connection", "Upgrade,  Keep-Alive"}, {"Connection", "close"}};
  EXPECT_TRUE(headers.has_token("connection", "keep-alive"));
  EXPECT_TRUE(headers.has_token("connection", "close"));
  EXPECT_FALSE(headers.has_token("connection", "keep"));
  EXPECT_FALSE(headers.has_token("connection", ""));
}

TEST(Headers, case_rules_are_ascii_only) {
  EXPECT_TRUE(equals_ignoring_case("aBc-9", "AbC-9"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
  EXPECT_FALSE(equals_ignoring_case("\xc3\xa4", "\xc3\x84"));
  EXPECT_EQ(to_lower_ascii("ÄB"), "Äb");
  EXPECT_EQ(trim_blanks(" \t a b\t"), "a b");
  EXPECT_EQ(trim_blanks("  "), "");
}

TEST(HeaderSyntax, refuses_what_would_break_a_head) {
  EXPECT_TRUE(is_valid_field({"X-Ipfs-Path", "/ipfs/bafy \xc3\xa4\t"}));
  EXPECT_FALSE(is_valid_field({"X", "a\r\nSet-Cookie: b"}));
  EXPECT_FALSE(is_valid_field({"X", "a\nb"}));
  EXPECT_FALSE(is_valid_field({"X", std::string("a\0b", 3)}));
  EXPECT_FALSE(is_valid_field({"X Y", "a"}));
  EXPECT_FALSE(is_valid_field({"X:", "a"}));
  EXPECT_FALSE(is_valid_field({"", "a"}));
  EXPECT_FALSE(is_token("GET /"));
}

}  // namespace
}  // namespace accel::net
