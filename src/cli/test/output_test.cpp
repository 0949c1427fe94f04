// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace accel::cli {
namespace {

TEST(Output, pads_columns_and_aligns_numbers_right) {
  testing::internal::CaptureStdout();
  ASSERT_TRUE(print_table({"BYTES", "NAME"}, {{"5", "a"}, {"12345678", "über"}}));
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "BYTES     NAME\n       5  a\n12345678  über\n");
}

TEST(Output, prints_an_error_as_one_sentence_with_its_cause) {
  testing::internal::CaptureStderr();
  print_error({Errc::not_found, "No model \"x\".", "kv"}, false);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "error: No model \"x\".\n  because: kv\n");
}

TEST(Output, prints_an_error_as_json_when_asked) {
  testing::internal::CaptureStderr();
  print_error({Errc::corrupt, "m", ""}, true);
  const auto document = nlohmann::json::parse(testing::internal::GetCapturedStderr());
  EXPECT_EQ(document["error"]["code"], "corrupt");
}

}  // namespace
}  // namespace accel::cli
