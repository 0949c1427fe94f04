// SPDX-License-Identifier: Apache-2.0
#include "accel/node/settings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "accel/core/file.hpp"

namespace accel::node {
namespace {

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    std::string pattern = testing::TempDir() + "settings-XXXXXX";
    home_.root = mkdtemp(pattern.data());
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(home_.root);
  }
  ~SettingsTest() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(home_.root);
  }
  void write_project(std::string_view text) {
    ASSERT_TRUE(write_file_atomic(home_.root / "ipfs_accelerate.json", as_bytes(text)));
  }
  std::string level() {
    const auto config = load_settings({home_, {}, {}});
    return config ? config->get<std::string>("logging.level") : config.error().message;
  }
  Home home_;
  std::filesystem::path before_;
};

TEST_F(SettingsTest, a_project_file_counts_only_after_it_was_trusted_as_it_is) {
  write_project(R"({"logging": {"level": "info"}})");
  EXPECT_EQ(level(), "warn");
  ASSERT_TRUE(trust_project_file(home_, home_.root / "ipfs_accelerate.json"));
  EXPECT_EQ(level(), "info");
  write_project(R"({"logging": {"level": "debug"}})");
  EXPECT_EQ(level(), "warn");
}

TEST_F(SettingsTest, the_command_line_beats_the_home_file) {
  ASSERT_TRUE(set_config_value(settings_registry(), home_.config_file(), "logging.level", "error"));
  EXPECT_EQ(level(), "error");
  const auto config = load_settings({home_, {}, {{"logging.level", "debug"}}});
  EXPECT_EQ(config->get<std::string>("logging.level"), "debug");
}

TEST_F(SettingsTest, the_documentation_has_every_key_once_and_sorted) {
  const auto page = read_text_file(before_ / "docs/configuration.md", 1U << 20U);
  ASSERT_TRUE(page) << page.error().message;
  std::istringstream lines(*page);
  std::vector<std::string> read, refused;
  bool is_table = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| key | default")) is_table = true;
    if (line.empty()) is_table = false;
    if (!line.starts_with("| `")) continue;
    const std::string name = line.substr(3, line.find('`', 3) - 3);
    (is_table ? read : refused).push_back(name);
  }
  EXPECT_TRUE(std::ranges::is_sorted(read));
  std::vector<std::string> known, unknown;
  for (const auto& [name, key] : settings_registry().keys()) {
    (key.unsupported.empty() ? known : unknown).push_back(name);
  }
  EXPECT_EQ(read, known);
  std::ranges::sort(refused);
  EXPECT_EQ(refused, unknown);
}

TEST_F(SettingsTest, an_unknown_key_names_the_nearest_and_an_unread_one_is_refused) {
  EXPECT_NE(set_config_value(settings_registry(), home_.config_file(), "loging.level", "info")
                .error()
                .message.find("logging.level"),
            std::string::npos);
  EXPECT_EQ(set_config_value(settings_registry(), home_.config_file(), "ipfs.local_node", "x")
                .error()
                .code,
            Errc::unsupported);
}

TEST_F(SettingsTest, a_missing_config_file_that_was_named_is_an_error) {
  EXPECT_EQ(load_settings({home_, "absent.json", {}}).error().code, Errc::not_found);
}

}  // namespace
}  // namespace accel::node
