// SPDX-License-Identifier: Apache-2.0
#include "serving/keep_alive.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "accel/inference/pool_policy.hpp"
#include "serving/sample_input.hpp"

namespace accel::node {
namespace {

using inference::kKeepForever;
using nlohmann::json;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(KeepAlive, is_a_number_of_seconds_or_a_duration) {
  EXPECT_EQ(parse_keep_alive("5m"), minutes(5));
  EXPECT_EQ(parse_keep_alive("300"), seconds(300));
  EXPECT_EQ(parse_keep_alive("0.5"), milliseconds(500));
  EXPECT_EQ(parse_keep_alive("24h"), hours(24));
  EXPECT_EQ(parse_keep_alive("0"), Duration::zero());
  EXPECT_EQ(parse_keep_alive("0s"), Duration::zero());
  for (const char* forever : {"-1", "-1m", "-0.5", "1e300"})
    EXPECT_EQ(parse_keep_alive(forever), kKeepForever) << forever;
}

TEST(KeepAlive, anything_else_is_refused_with_what_it_may_be) {
  for (const char* text : {"", "soon", "5 m", "m", "-", "--1", "nan", "inf", "1m2", "0x10"}) {
    const auto parsed = parse_keep_alive(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_THAT(parsed.error().message, HasSubstr("5m"));
  }
  EXPECT_FALSE(check_keep_alive(std::string("x")));
  EXPECT_TRUE(check_keep_alive(std::string("-1")));
}

TEST(KeepAlive, of_a_request_may_be_a_number_a_text_or_missing) {
  const auto of = [](const json& value) { return keep_alive_of(&value); };
  EXPECT_EQ(keep_alive_of(nullptr), std::nullopt);
  EXPECT_EQ(of(nullptr), std::nullopt);
  EXPECT_EQ(of(-1), kKeepForever);
  EXPECT_EQ(of(0), Duration::zero());
  EXPECT_EQ(of(1.5), milliseconds(1500));
  EXPECT_EQ(of("10m"), minutes(10));
  for (const json& bad : {json(true), json::array(), json::object(), json("later")})
    EXPECT_FALSE(of(bad)) << bad;
}

TEST(SampleInput, is_of_the_kind_that_the_family_takes) {
  for (const models::FamilyInfo& family : models::families()) {
    const json input = sample_input(family);
    EXPECT_EQ(input.at("task"), family.task);
    const bool pair = family.takes == "image and texts";
    const bool text = family.takes == "text" || pair;
    EXPECT_EQ(input.contains("inputs"), text) << family.task;
    EXPECT_TRUE(input.contains(pair   ? "image"
                               : text ? "inputs"
                                      : std::string(family.takes)))
        << family.task;
    if (family.task == "text-to-speech") {
      EXPECT_EQ(input.at("inputs").at(0).get<std::string>().find(' '), std::string::npos);
    }
    EXPECT_EQ(input.contains("query"),
              family.task == "question-answering" || family.task == "text-ranking");
  }
}

}  // namespace
}  // namespace accel::node
