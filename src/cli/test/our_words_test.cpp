// SPDX-License-Identifier: Apache-2.0
#include "our_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::cli {
namespace {

using ::testing::HasSubstr;

TEST(OurWords, say_what_does_the_same_here) {
  for (const auto& [theirs, ours] : {std::pair("chat", "run MODEL --prompt"),
                                     {"stop", "models unload"},
                                     {"list", "models list"},
                                     {"show", "models show"},
                                     {"generate", "text generate"},
                                     {"rm", "pin rm"},
                                     {"logs", "logging.file"}})
    EXPECT_THAT(our_words("", theirs), HasSubstr(ours)) << theirs;
  EXPECT_THAT(our_words("models", "rm"), HasSubstr("gc"));
}

TEST(OurWords, know_nothing_of_other_words_and_groups) {
  EXPECT_EQ(our_words("", "modles"), "");
  EXPECT_EQ(our_words("models", "chat"), "");
  EXPECT_EQ(our_words("", ""), "");
}

}  // namespace
}  // namespace accel::cli
