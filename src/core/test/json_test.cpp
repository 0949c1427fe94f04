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
  EXPECT_FALSE(parse_bounded_json("[{}]", "It", {.depth = 1}));
}

TEST(BoundedJson, millions_of_levels_cost_nothing) {
  EXPECT_FALSE(parse_bounded_json(nested(4'000'000), "It"));
  EXPECT_FALSE(parse_bounded_json(std::string(4'000'000, '{'), "It"));
}

TEST(BoundedJson, brackets_in_texts_and_side_by_side_are_no_depth) {
  EXPECT_TRUE(parse_bounded_json(R"(["[[[\"[[[\\", {"[": "]]"}])", "It", {.depth = 2}));
  std::string wide = "[";
  for (int i = 0; i < 1000; ++i) wide += "[],";
  EXPECT_TRUE(parse_bounded_json(wide + "[]]", "It", {.depth = 2}));
}

TEST(BoundedJson, what_is_no_json_is_refused) {
  for (const char* text : {"", "{", "]", "[1,]", "\"\xFF\"", "\"\\", "1 2"})
    EXPECT_EQ(parse_bounded_json(text, "It").error().code, Errc::invalid_argument) << text;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string list = "[";
  for (std::size_t i = 0; i < times; ++i) list += text;
  return list + "0]";
}

// A value takes many times its bytes: 32 MB of "{}," became 1.5 GB.
TEST(BoundedJson, of_too_many_values_is_refused_before_they_are_made) {
  for (const std::string& text :
       {repeated("[],", kMaxJsonParts), repeated("{},", kMaxJsonParts),
        repeated("{\"a\":0},", kMaxJsonParts / 2), repeated("0,", kMaxJsonValues)}) {
    const auto refused = parse_bounded_json(text, "The body");
    ASSERT_FALSE(refused) << text.substr(0, 20);
    EXPECT_EQ(refused.error().code, Errc::invalid_argument);
    EXPECT_TRUE(refused.error().message.starts_with("The body holds too much: at most 8000000 "))
        << refused.error().message;
  }
}

TEST(BoundedJson, takes_the_numbers_of_a_large_tensor) {
  const auto tensor = parse_bounded_json(repeated("0.5,", 1'000'000), "The body");
  ASSERT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor->size(), 1'000'001U);
  EXPECT_TRUE(parse_bounded_json(repeated("\"[,{:\",", 200'000), "It")) << "texts are no parts";
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
