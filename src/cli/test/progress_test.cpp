// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace accel::cli {
namespace {

TEST(ProgressLine, shows_bytes_rate_and_remaining_time) {
  const std::string line = ProgressLine::render({{"phase", "pull"},
                                                 {"bytes_done", 25'000'000},
                                                 {"bytes_total", 100'000'000},
                                                 {"bytes_per_second", 5e6},
                                                 {"eta_seconds", 15.0}},
                                                100);
  EXPECT_EQ(line, "pull [######..................]  25% 25.0 MB/100.0 MB 5.0 MB/s 00:15");
}

TEST(ProgressLine, shows_bytes_alone_while_the_total_is_unknown) {
  EXPECT_EQ(ProgressLine::render({{"phase", "add"}, {"bytes_done", 1000}}, 79), "add 1.0 kB");
}

TEST(ProgressLine, keeps_control_characters_of_a_hostile_name_off_the_terminal) {
  EXPECT_EQ(ProgressLine::render({{"phase", "add"}, {"message", "a\x1b[2Jb\n"}}, 79),
            "add a?[2Jb?");
}

TEST(ProgressLine, fits_the_width) {
  EXPECT_EQ(ProgressLine::render({{"phase", "add"}, {"message", std::string(200, 'x')}}, 20).size(),
            20U);
}

}  // namespace
}  // namespace accel::cli
