// SPDX-License-Identifier: Apache-2.0
#include "accel/core/config.hpp"

#include "temp_dir.hpp"

namespace accel {
namespace {

using std::chrono::milliseconds;

ConfigRegistry keys() {
  ConfigRegistry registry;
  registry.add({.name = "ipfs.gateway", .default_value = std::string("none"), .doc = "Gateway."});
  registry.add({.name = "ipfs.retry_count",
                .default_value = std::int64_t{3},
                .doc = "Tries.",
                .minimum = 0,
                .maximum = 10});
  registry.add({.name = "ipfs.timeout", .default_value = milliseconds(30'000), .doc = "Limit."});
  registry.add({.name = "ipfs.fallback_gateways", .default_value = ConfigList{}, .doc = "More."});
  registry.add({.name = "hardware.prefer_cuda", .default_value = false, .doc = "Only CUDA."});
  registry.add({.name = "hardware.precision",
                .default_value = std::string("auto"),
                .doc = "Precision.",
                .choices = {"auto", "fp32", "fp16"}});
  registry.add({.name = "hardware.max_memory", .default_value = 0.5, .doc = "Share."});
  registry.add({.name = "ipfs.api_key",
                .default_value = std::string(),
                .doc = "Key.",
                .unsupported = "pinning services come later."});
  registry.reserve_environment("IPFS_ACCELERATE_HOME");
  return registry;
}

class ConfigLoad : public TempDir {
 protected:
  Result<Config> load(const ConfigSources& sources) const {
    return Config::load(registry, sources);
  }
  Error error_of(const ConfigSources& sources) const { return load(sources).error(); }

  ConfigRegistry registry = keys();
};

TEST_F(ConfigLoad, takes_defaults_when_nothing_is_set) {
  const auto config = load({});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->get<std::int64_t>("ipfs.retry_count"), 3);
  EXPECT_EQ(config->get<milliseconds>("ipfs.timeout"), milliseconds(30'000));
  EXPECT_FALSE(config->get<bool>("hardware.prefer_cuda"));
  EXPECT_EQ(config->origin("ipfs.timeout"), ConfigOrigin::default_value);
}

TEST_F(ConfigLoad, lets_each_source_beat_the_ones_below_it) {
  const auto project = put("project.json", R"({"ipfs": {"gateway": "p", "retry_count": 1,
      "timeout": "1s", "fallback_gateways": ["p1", "p2"]}})");
  const auto home =
      put("home.json", R"({"ipfs": {"gateway": "h", "retry_count": 2, "timeout": "2s"}})");
  const auto config = load({.command_line = {{"ipfs.gateway", "c"}},
                            .environment = {{"IPFS_ACCELERATE_IPFS_GATEWAY", "e"},
                                            {"IPFS_ACCELERATE_IPFS_RETRY_COUNT", "5"},
                                            {"PATH", "/bin"}},
                            .home_file = home,
                            .project_file = project});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->get<std::string>("ipfs.gateway"), "c");
  EXPECT_EQ(config->get<std::int64_t>("ipfs.retry_count"), 5);
  EXPECT_EQ(config->get<milliseconds>("ipfs.timeout"), milliseconds(2000));
  EXPECT_EQ(config->get<ConfigList>("ipfs.fallback_gateways"), (ConfigList{"p1", "p2"}));
  EXPECT_EQ(config->origin("ipfs.gateway"), ConfigOrigin::command_line);
  EXPECT_EQ(config->origin("ipfs.retry_count"), ConfigOrigin::environment);
  EXPECT_EQ(config->origin("ipfs.timeout"), ConfigOrigin::home_file);
  EXPECT_EQ(config->origin("ipfs.fallback_gateways"), ConfigOrigin::project_file);
}

TEST_F(ConfigLoad, lists_values_with_origin_and_place) {
  const auto home = put("home.json", R"({"ipfs": {"timeout": "90s"}})");
  const auto config = load({.home_file = home});
  for (const ConfigEntry& entry : config->list()) {
    if (entry.key != "ipfs.timeout") continue;
    EXPECT_EQ(entry.value, "90s");
    EXPECT_EQ(config_origin_name(entry.origin), "home file");
    EXPECT_EQ(entry.where, home.string());
    EXPECT_EQ(entry.doc, "Limit.");
    return;
  }
  FAIL() << "the key is missing";
}

TEST_F(ConfigLoad, names_the_nearest_key_for_an_unknown_one) {
  EXPECT_EQ(error_of({.command_line = {{"ipfs.retry_cuont", "1"}}}).message,
            "There is no setting 'ipfs.retry_cuont' (command line). Did you mean "
            "ipfs.retry_count?");
  EXPECT_NE(error_of({.command_line = {{"prefer_cuda", "1"}}}).message.find("hardware.prefer_cuda"),
            std::string::npos);
  const Error in_file = error_of({.home_file = put("h.json", R"({"hardware": {"precison": 1}})")});
  EXPECT_EQ(in_file.code, Errc::invalid_argument);
  EXPECT_NE(in_file.message.find("Did you mean hardware.precision?"), std::string::npos);
  EXPECT_NE(in_file.message.find("h.json"), std::string::npos);
}

TEST_F(ConfigLoad, names_no_key_that_is_not_near) {
  EXPECT_EQ(error_of({.command_line = {{"completely.other", "1"}}}).message,
            "There is no setting 'completely.other' (command line).");
}

TEST_F(ConfigLoad, refuses_an_unknown_variable_but_knows_the_reserved_ones) {
  EXPECT_TRUE(load({.environment = {{"IPFS_ACCELERATE_HOME", "/x"}}}));
  const Error error = error_of({.environment = {{"IPFS_ACCELERATE_IPFS_GATWAY", "x"}}});
  EXPECT_EQ(error.message,
            "The environment variable IPFS_ACCELERATE_IPFS_GATWAY names no setting. Did you mean "
            "IPFS_ACCELERATE_IPFS_GATEWAY?");
}

TEST_F(ConfigLoad, refuses_a_key_that_nothing_reads_yet_wherever_it_is_set) {
  EXPECT_EQ(error_of({.command_line = {{"ipfs.api_key", "x"}}}).code, Errc::unsupported);
  EXPECT_EQ(error_of({.environment = {{"IPFS_ACCELERATE_IPFS_API_KEY", "x"}}}).code,
            Errc::unsupported);
  const Error error = error_of({.home_file = put("h.json", R"({"ipfs": {"api_key": "x"}})")});
  EXPECT_EQ(error.code, Errc::unsupported);
  EXPECT_NE(error.message.find("pinning services come later."), std::string::npos);
}

TEST_F(ConfigLoad, says_what_a_value_must_be) {
  EXPECT_EQ(error_of({.command_line = {{"ipfs.retry_count", "many"}}}).message,
            "ipfs.retry_count must be a whole number, not 'many'. (command line)");
  EXPECT_EQ(error_of({.command_line = {{"ipfs.retry_count", "11"}}}).message,
            "ipfs.retry_count can't be 11; it must be at most 10. (command line)");
  EXPECT_EQ(error_of({.command_line = {{"hardware.precision", "fp8"}}}).message,
            "hardware.precision can't be 'fp8'; use one of auto, fp32, fp16. (command line)");
  EXPECT_EQ(error_of({.command_line = {{"hardware.prefer_cuda", "maybe"}}}).code,
            Errc::invalid_argument);
}

TEST_F(ConfigLoad, a_wrong_value_is_an_error_even_where_a_better_source_hides_it) {
  const auto home = put("home.json", R"({"ipfs": {"retry_count": 99}})");
  EXPECT_FALSE(load({.command_line = {{"ipfs.retry_count", "1"}}, .home_file = home}));
}

TEST_F(ConfigLoad, says_where_a_file_stops_being_json) {
  const Error error = error_of({.home_file = put("h.json", "{\"ipfs\": ")});
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_NE(error.message.find("near byte 10"), std::string::npos) << error.message;
}

TEST(ConfigValue, a_number_of_bytes_may_have_a_unit) {
  const ConfigKey key{.name = "store.max_bytes",
                      .default_value = std::int64_t{0},
                      .doc = "Most.",
                      .minimum = 0,
                      .is_bytes = true};
  const auto bytes = [&](std::string_view text) {
    const auto value = parse_config_value(key, text);
    return value ? std::get<std::int64_t>(*value) : -1;
  };
  EXPECT_EQ(bytes("0"), 0);
  EXPECT_EQ(bytes("500"), 500);
  EXPECT_EQ(bytes("500B"), 500);
  EXPECT_EQ(bytes("2k"), 2000);
  EXPECT_EQ(bytes("500MB"), 500'000'000);
  EXPECT_EQ(bytes("2GiB"), 2LL << 30U);
  EXPECT_EQ(bytes("1tib"), 1LL << 40U);
  for (const char* const bad : {"", "GiB", "-1", "-1GB", "1.5GB", "1XB", "9999999999GB"}) {
    const auto value = parse_config_value(key, bad);
    ASSERT_FALSE(value) << bad;
    EXPECT_EQ(value.error().code, Errc::invalid_argument);
  }
}

TEST(ConfigDeathTest, reading_an_unregistered_key_or_a_wrong_type_is_a_bug) {
  const Config config = Config::load(keys(), {}).value();
  EXPECT_DEATH((void)config.get<bool>("no.such"), "setting 'no.such' is read but was never");
  EXPECT_DEATH((void)config.get<bool>("ipfs.timeout"), "read with another type");
}

}  // namespace
}  // namespace accel
