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
            "   BYTES  NAME\n       5  a\n12345678  über\n");
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

TEST(Output, shows_what_would_steer_the_terminal) {
  testing::internal::CaptureStdout();
  ASSERT_TRUE(
      print_table({"NAME"}, {{"\x1b]0;owned\x07\x1b[31mred\nfake"},
                             {"c1 \xC2\x9B, bidi \xE2\x80\xAE, kept \xE2\x80\xA6 \xC3\xBC"}}));
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "NAME\n\\x1b]0;owned\\x07\\x1b[31mred\\x0afake\n"
            "c1 \\xc2\\x9b, bidi \\xe2\\x80\\xae, kept \xE2\x80\xA6 \xC3\xBC\n");
  testing::internal::CaptureStderr();
  print_error({Errc::corrupt, "link \x1b[2J", ""}, false);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "error: link \\x1b[2J\n");
}

}  // namespace
}  // namespace accel::cli
