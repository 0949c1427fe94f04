// SPDX-License-Identifier: Apache-2.0
#include "accel/core/json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace accel {
namespace {

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

TEST(BoundedJson, takes_values_up_to_its_depth_and_no_deeper) {
  EXPECT_EQ(parse_bounded_json("{\"a\":[1]}", "It")->at("a").at(0), 1);
  EXPECT_TRUE(parse_bounded_json(nested(kMaxJsonDepth), "It"));
  const auto deeper = parse_bounded_json(nested(kMaxJsonDepth + 1), "It");
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().code, Errc::invalid_argument);
  EXPECT_EQ(deeper.error().message, "It nests deeper than 64 levels.");
  EXPECT_FALSE(parse_bounded_json("[{}]", "It", 1));
}

TEST(BoundedJson, millions_of_levels_cost_nothing) {
  EXPECT_FALSE(parse_bounded_json(nested(4'000'000), "It"));
  EXPECT_FALSE(parse_bounded_json(std::string(4'000'000, '{'), "It"));
}

TEST(BoundedJson, brackets_in_texts_and_side_by_side_are_no_depth) {
  EXPECT_TRUE(parse_bounded_json(R"(["[[[\"[[[\\", {"[": "]]"}])", "It", 2));
  std::string wide = "[";
  for (int i = 0; i < 1000; ++i) wide += "[],";
  EXPECT_TRUE(parse_bounded_json(wide + "[]]", "It", 2));
}

TEST(BoundedJson, what_is_no_json_is_refused) {
  for (const char* text : {"", "{", "]", "[1,]", "\"\xFF\"", "\"\\", "1 2"})
    EXPECT_EQ(parse_bounded_json(text, "It").error().code, Errc::invalid_argument) << text;
}

std::string object_of(int members) {
  std::string text = "{";
  for (int i = 0; i < members; ++i)
    text += (i == 0 ? "" : ",") + ("\"" + std::to_string(i) + "\":0");
  return text + "}";
}

TEST(OrderedJson, is_refused_when_reading_it_would_take_long) {
  EXPECT_TRUE(check_ordered_json(object_of(2000), "It"));
  EXPECT_FALSE(check_ordered_json(object_of(20'000), "It"));
  std::string list = "[";
  for (int i = 0; i < 10; ++i) list += object_of(2000) + ",";
  EXPECT_FALSE(check_ordered_json(list + "0]", "It"));
  EXPECT_TRUE(check_ordered_json("}}}]" + std::string(1000, ':') + R"(":::::)", "It"));
}

}  // namespace
}  // namespace accel
