// SPDX-License-Identifier: Apache-2.0
#include "accel/node/settings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "accel/core/file.hpp"
#include "accel/libp2p/swarm_key.hpp"

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

TEST_F(SettingsTest, peers_and_keys_are_looked_at_before_they_are_written) {
  const char* const peer = "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d";
  EXPECT_TRUE(set_setting(home_, "replication.accept", "any"));
  EXPECT_TRUE(set_setting(home_, "replication.accept", fmt::format("any,{}", peer)));
  for (const char* key : {"replication.accept", "swarm.allow", "swarm.deny"}) {
    const Status refused = set_setting(home_, key, fmt::format("{},nobody", peer));
    ASSERT_FALSE(refused) << key;
    EXPECT_NE(refused.error().message.find(key), std::string::npos) << refused.error().message;
    EXPECT_TRUE(set_setting(home_, key, peer));
  }
  EXPECT_FALSE(set_setting(home_, "swarm.allow", "any"));
  EXPECT_FALSE(set_setting(home_, "listen.swarm", "127.0.0.1:4001"));
  const std::filesystem::path key_file = home_.root / "swarm.key";
  EXPECT_FALSE(set_setting(home_, "swarm.psk", key_file.string()));
  ASSERT_TRUE(write_file_atomic(key_file, as_bytes("a password\n")));
  EXPECT_FALSE(set_setting(home_, "swarm.psk", key_file.string()));
  const std::string good = libp2p::write_swarm_key(libp2p::make_swarm_key(system_random()));
  ASSERT_TRUE(write_file_atomic(key_file, as_bytes(good)));
  std::filesystem::permissions(key_file, std::filesystem::perms(0600));
  const Status taken = set_setting(home_, "swarm.psk", key_file.string());
  EXPECT_TRUE(taken) << taken.error().message;
  // One that has gone since keeps nobody from repairing the home.
  std::filesystem::remove(key_file);
  EXPECT_TRUE(load_settings({home_, {}, {}}));
  EXPECT_TRUE(set_setting(home_, "swarm.psk", ""));
  ASSERT_TRUE(
      write_file_atomic(home_.config_file(), as_bytes(R"({"replication": {"accept": ["me"]}})")));
  EXPECT_FALSE(load_settings({home_, {}, {}}));
}

TEST_F(SettingsTest, what_changes_the_settings_is_in_the_audit_log) {
  ASSERT_TRUE(set_setting(home_, "models.hf_token", "a secret"));
  ASSERT_TRUE(unset_setting(home_, "models.hf_token"));
  ASSERT_FALSE(set_setting(home_, "logging.level", "loud"));
  const auto log = read_text_file(home_.logs() / "audit.jsonl", 1U << 20U);
  ASSERT_TRUE(log) << log.error().message;
  for (const char* part : {"config.set", "config.unset", "models.hf_token", "invalid_argument"}) {
    EXPECT_NE(log->find(part), std::string::npos) << part;
  }
  EXPECT_EQ(log->find("a secret"), std::string::npos);
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

TEST_F(SettingsTest, values_that_only_a_daemon_would_refuse_are_not_set) {
  const std::pair<const char*, std::string> refused[] = {
      {"listen.api", "nowhere"},
      {"ipfs.gateway", "http://a,ftp://b"},
      {"gateway.hosts", "localhost=other"},
      {"gateway.dnslink", "example.org"},
      {"swarm.peering", "/ip4/127.0.0.1/tcp/4001"},
      {"logging.file", "/dev/null/log"},
      {"gateway.tls_key", "/nowhere/at/all/key"},
      {"models.hf_endpoint", "hub"}};
  for (const auto& [key, value] : refused) {
    const Status set = set_setting(home_, key, value);
    ASSERT_FALSE(set.has_value()) << key;
    EXPECT_NE(set.error().message.find(key), std::string::npos) << set.error().message;
  }
  EXPECT_TRUE(set_setting(home_, "listen.api", "127.0.0.1:0"));
  EXPECT_TRUE(set_setting(home_, "listen.api", ""));
  EXPECT_TRUE(set_setting(home_, "ipfs.gateway", "http://127.0.0.1:8080"));
  EXPECT_TRUE(set_setting(home_, "logging.file", (home_.root / "new.log").string()));
}

TEST_F(SettingsTest, a_missing_config_file_that_was_named_is_an_error) {
  EXPECT_EQ(load_settings({home_, "absent.json", {}}).error().code, Errc::not_found);
}

}  // namespace
}  // namespace accel::node
