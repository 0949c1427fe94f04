// SPDX-License-Identifier: Apache-2.0
#include "params.hpp"

#include <gtest/gtest.h>

namespace accel::node {
namespace {

using nlohmann::json;

TEST(Params, read_values_of_the_right_type_and_fall_back_for_absent_ones) {
  const json values{
      {"cid", "bafkqaaa"}, {"force", true}, {"limit", 5}, {"share", 0.5}, {"list", {"a", "b"}}};
  Params params("m", values);
  EXPECT_EQ(params.required_text("cid"), "bafkqaaa");
  EXPECT_TRUE(params.flag("force"));
  EXPECT_EQ(params.integer("limit", 1), 5);
  EXPECT_DOUBLE_EQ(params.number("share", 0), 0.5);
  EXPECT_EQ(params.texts("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(params.text("absent", "x"), "x");
  EXPECT_TRUE(params.finish());
}

TEST(Params, name_the_method_and_the_parameter_of_a_wrong_type) {
  const json values{{"limit", "five"}};
  Params params("history.query", values);
  params.integer("limit", 1);
  ASSERT_FALSE(params.finish());
  EXPECT_EQ(params.finish().error().message,
            "history.query: the parameter \"limit\" must be an integer.");
}

TEST(Params, refuse_a_number_that_would_be_another_one_once_narrowed) {
  for (const json& value : {json(-1), json(4097), json(4294967297), json(18446744073709551615U)}) {
    const json values{{"threads", value}};
    Params params("run", values);
    EXPECT_EQ(params.integer_in("threads", 0, 0, 4096), 0) << value;
    EXPECT_EQ(params.finish().error().code, Errc::invalid_argument) << value;
  }
  const json large{{"threads", 4294967297}};
  Params params("run", large);
  params.integer_in("threads", 0, 0, 4096);
  EXPECT_EQ(params.finish().error().message,
            "run: the parameter \"threads\" must be between 0 and 4096.");
  const json good{{"threads", 4096}};
  Params fits("run", good);
  EXPECT_EQ(fits.integer_in("threads", 0, 0, 4096), 4096);
  EXPECT_TRUE(fits.finish());
}

TEST(Params, refuse_a_parameter_that_nothing_reads) {
  const json values{{"lmit", 5}};
  Params params("m", values);
  params.integer("limit", 1);
  EXPECT_EQ(params.finish().error().code, Errc::invalid_argument);
}

TEST(Params, refuse_a_missing_required_text_and_non_objects) {
  const json empty = json::object();
  Params params("m", empty);
  params.required_text("cid");
  EXPECT_FALSE(params.finish());
  const json list = json::array({1});
  EXPECT_FALSE(Params("m", list).finish());
  const json mixed{{"list", {"a", 1}}};
  Params lists("m", mixed);
  EXPECT_TRUE(lists.texts("list").empty());
  EXPECT_FALSE(lists.finish());
}

}  // namespace
}  // namespace accel::node
