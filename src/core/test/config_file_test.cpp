// SPDX-License-Identifier: Apache-2.0
// Values as text, and the JSON files that hold them.
#include "accel/core/config.hpp"
#include "temp_dir.hpp"

namespace accel {
namespace {

using std::chrono::milliseconds;

ConfigKey key(ConfigValue type) {
  return {.name = "a.b", .default_value = std::move(type), .doc = ""};
}

template <class T>
T parsed(T type, std::string_view text) {
  return std::get<T>(parse_config_value(key(type), text).value());
}

TEST(ConfigValueText, reads_durations_with_their_units) {
  EXPECT_EQ(parsed(milliseconds(0), "250ms"), milliseconds(250));
  EXPECT_EQ(parsed(milliseconds(0), "30s"), milliseconds(30'000));
  EXPECT_EQ(parsed(milliseconds(0), "5m"), milliseconds(300'000));
  EXPECT_EQ(parsed(milliseconds(0), "2h"), milliseconds(7'200'000));
  for (const char* bad : {"", "5", "s", "-1s", "1.5s", "99999999999999999d", "5 s"}) {
    EXPECT_FALSE(parse_config_value(key(milliseconds(0)), bad)) << bad;
  }
}

TEST(ConfigValueText, reads_numbers_whole_or_not_at_all) {
  EXPECT_EQ(parsed(std::int64_t{0}, "-12"), -12);
  EXPECT_DOUBLE_EQ(parsed(0.0, "0.25"), 0.25);
  for (const char* bad : {"", "1x", "0x10", "1e999999", "9223372036854775808"}) {
    EXPECT_FALSE(parse_config_value(key(std::int64_t{0}), bad)) << bad;
  }
}

TEST(ConfigValueText, refuses_not_a_number_where_there_is_a_range) {
  ConfigKey share = key(0.5);
  share.minimum = 0;
  EXPECT_FALSE(parse_config_value(share, "nan"));
}

TEST(ConfigValueText, splits_lists_at_commas) {
  EXPECT_EQ(parsed(ConfigList{}, "a,b,,c"), (ConfigList{"a", "b", "c"}));
  EXPECT_TRUE(parsed(ConfigList{}, "").empty());
}

TEST(ConfigValueText, writes_what_it_reads) {
  const ConfigValue values[]{true,
                             std::int64_t{-5},
                             0.125,
                             std::string("x y"),
                             ConfigList{"a", "b"},
                             milliseconds(90'000),
                             milliseconds(0)};
  for (const ConfigValue& value : values) {
    EXPECT_EQ(parse_config_value(key(value), config_value_text(value)).value(), value)
        << config_value_text(value);
  }
}

class ConfigFile : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    registry.add({.name = "ipfs.timeout", .default_value = milliseconds(1), .doc = ""});
    registry.add({.name = "ipfs.gateway", .default_value = std::string(), .doc = ""});
    registry.add({.name = "ipfs.retries", .default_value = std::int64_t{1}, .doc = ""});
    registry.add({.name = "ipfs.more", .default_value = ConfigList{}, .doc = ""});
    registry.add({.name = "db_path", .default_value = std::string(), .doc = ""});
    file = dir / "config.json";
  }
  Status set(std::string_view name, std::string_view text) const {
    return set_config_value(registry, file, name, text);
  }
  Result<Config> load() const { return Config::load(registry, {.home_file = file}); }

  ConfigRegistry registry;
  std::filesystem::path file;
};

TEST_F(ConfigFile, is_made_by_the_first_set_and_read_back) {
  ASSERT_TRUE(set("ipfs.timeout", "5s"));
  ASSERT_TRUE(set("ipfs.more", "a,b"));
  ASSERT_TRUE(set("db_path", "/data"));
  const auto config = load();
  EXPECT_EQ(config->get<milliseconds>("ipfs.timeout"), milliseconds(5000));
  EXPECT_EQ(config->get<ConfigList>("ipfs.more"), (ConfigList{"a", "b"}));
  EXPECT_EQ(config->get<std::string>("db_path"), "/data");
}

TEST_F(ConfigFile, keeps_the_rest_and_its_order) {
  put("config.json", R"({"ipfs": {"timeout": "1s", "gateway": "g"}, "db_path": "p"})");
  ASSERT_TRUE(set("ipfs.gateway", "h"));
  EXPECT_EQ(content(file),
            "{\n  \"ipfs\": {\n    \"timeout\": \"1s\",\n    \"gateway\": \"h\"\n  },\n"
            "  \"db_path\": \"p\"\n}\n");
}

TEST_F(ConfigFile, refuses_what_it_would_not_read) {
  EXPECT_EQ(set("ipfs.timeuot", "5s").error().code, Errc::invalid_argument);
  EXPECT_EQ(set("ipfs.timeout", "soon").error().code, Errc::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(ConfigFile, forgets_a_key) {
  ASSERT_TRUE(set("ipfs.timeout", "5s"));
  EXPECT_TRUE(unset_config_value(file, "ipfs.timeout"));
  EXPECT_EQ(load()->origin("ipfs.timeout"), ConfigOrigin::default_value);
  EXPECT_EQ(unset_config_value(file, "ipfs.timeout").error().code, Errc::not_found);
}

TEST_F(ConfigFile, wants_json_types_that_fit) {
  for (const char* bad : {R"({"ipfs": {"retries": "2"}})", R"({"ipfs": {"retries": 2.5}})",
                          R"({"ipfs": {"gateway": 5}})", R"({"ipfs": {"timeout": 5}})",
                          R"({"ipfs": {"more": "a"}})", R"({"ipfs": {"more": [1]}})",
                          R"({"ipfs": {"gateway": null}})", R"({"ipfs": 5})", "[]", "5", ""}) {
    put("config.json", bad);
    EXPECT_EQ(load().error().code, Errc::invalid_argument) << bad;
  }
}

TEST_F(ConfigFile, refuses_a_value_where_a_section_should_be) {
  put("config.json", R"({"ipfs": 5})");
  EXPECT_EQ(set("ipfs.timeout", "1s").error().code, Errc::invalid_argument);
}

TEST_F(ConfigFile, limits_depth_and_size) {
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += R"({"a":)";
  put("config.json", deep + "1" + std::string(20, '}'));
  EXPECT_NE(load().error().message.find("nested deeper"), std::string::npos);
  put("config.json", std::string((1U << 20U) + 1, ' '));
  EXPECT_EQ(load().error().code, Errc::resource_exhausted);
}

}  // namespace
}  // namespace accel
