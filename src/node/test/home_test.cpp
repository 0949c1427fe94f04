// SPDX-License-Identifier: Apache-2.0
#include "accel/node/home.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "accel/core/file.hpp"

namespace accel::node {
namespace {

class HomeTest : public testing::Test {
 protected:
  HomeTest() {
    std::string pattern = testing::TempDir() + "home-XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~HomeTest() override { std::filesystem::remove_all(root_); }
  void write(const char* name, std::string_view text) {
    ASSERT_TRUE(write_file_atomic(root_ / name, as_bytes(text)));
  }
  std::filesystem::path root_;
};

TEST_F(HomeTest, is_made_with_its_version_when_it_is_missing) {
  const auto home = Home::open(root_ / "new");
  ASSERT_TRUE(home);
  EXPECT_EQ(read_text_file(home->version_file(), 10).value(), "1\n");
  EXPECT_TRUE(Home::open(root_ / "new"));
}

TEST_F(HomeTest, of_a_newer_version_is_refused_and_not_touched) {
  write("VERSION", "99\n");
  const auto home = Home::open(root_);
  ASSERT_FALSE(home);
  EXPECT_EQ(home.error().code, Errc::unsupported);
  EXPECT_NE(home.error().message.find("99"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(root_ / "journal"));
}

TEST_F(HomeTest, with_a_broken_version_is_corrupt) {
  write("VERSION", "one\n");
  EXPECT_EQ(Home::open(root_).error().code, Errc::corrupt);
}

TEST_F(HomeTest, keeps_one_token_that_only_its_owner_can_read) {
  const auto home = Home::open(root_);
  const std::string token = home->token().value();
  EXPECT_EQ(token.size(), 64U);
  EXPECT_EQ(home->token().value(), token);
  struct stat info{};
  ASSERT_EQ(::stat(home->api_token().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(HomeTest, that_cannot_be_made_says_where_and_what_to_do) {
  write("file", "x");
  const auto home = Home::open(root_ / "file" / "home");
  ASSERT_FALSE(home);
  EXPECT_NE(home.error().message.find("--home"), std::string::npos);
}

}  // namespace
}  // namespace accel::node
