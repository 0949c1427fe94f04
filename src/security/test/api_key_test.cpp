// SPDX-License-Identifier: Apache-2.0
#include "accel/security/api_key.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace accel::security {
namespace {

using nlohmann::json;

constexpr WallTime kNow{std::chrono::hours(24 * 20'000)};

ApiKey wanted(Role role = Role::inference) {
  ApiKey key;
  key.role = role;
  key.label = "ci";
  return key;
}

std::string code_of(std::string_view text) {
  const auto read = read_api_keys(text);
  return read ? "read" : std::string(errc_name(read.error().code));
}

// The document of one good key, with a member of it changed.
std::string with(const char* member, const json& value) {
  SeededRandom random(1);
  const auto made = make_api_key(wanted(), kNow, random);
  json document = json::parse(write_api_keys({made->key}));
  document["keys"][0][member] = value;
  return document.dump();
}

TEST(ApiKey, has_256_random_bits_behind_a_name_that_is_no_secret) {
  const auto first = make_api_key(wanted(), kNow, system_random());
  const auto second = make_api_key(wanted(), kNow, system_random());
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->secret.size(), 3 + 12 + 1 + 64U);
  EXPECT_TRUE(first->secret.starts_with(first->key.id + "_"));
  EXPECT_NE(first->secret, second->secret);
  EXPECT_EQ(id_of_key(first->secret), first->key.id);
  EXPECT_EQ(first->key.hash, crypto::sha256(as_bytes(first->secret)));
}

TEST(ApiKey, is_written_without_its_secret_and_read_back_as_it_was) {
  ApiKey wish = wanted();
  wish.label = "for \"us\", ünïcode";
  wish.models = {"minilm", "bafy"};
  wish.expires = kNow + std::chrono::hours(1);
  wish.limits = {60, 4, 1000, 100'000, 1U << 20U, 512};
  const auto made = make_api_key(wish, kNow, system_random());
  ASSERT_TRUE(made);
  const std::string text = write_api_keys({made->key});
  EXPECT_EQ(text.find(made->secret.substr(16)), std::string::npos);
  const auto read = read_api_keys(text);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ(read->front(), made->key);
}

TEST(ApiKey, is_refused_when_it_could_not_mean_what_it_says) {
  SeededRandom random(1);
  ApiKey ended = wanted();
  ended.expires = kNow;
  EXPECT_FALSE(make_api_key(ended, kNow, random));
  EXPECT_FALSE(make_api_key(wanted(Role::stranger), kNow, random));
  ApiKey line = wanted();
  line.label = "two\nlines";
  EXPECT_FALSE(make_api_key(line, kNow, random));
  line.label = std::string(kMaxLabelBytes + 1, 'x');
  EXPECT_FALSE(make_api_key(line, kNow, random));
  for (const Role role : {Role::read, Role::operate, Role::admin}) {
    ApiKey held = wanted(role);
    held.models = {"minilm"};
    EXPECT_FALSE(make_api_key(held, kNow, random)) << "its models would not hold it";
  }
}

TEST(ApiKey, has_one_form_and_nothing_else_names_a_key) {
  const std::string good = "ak_0123456789ab_" + std::string(64, 'f');
  EXPECT_EQ(id_of_key(good), "ak_0123456789ab");
  for (const std::string& bad :
       {std::string(), std::string("ak_"), good + "f", good.substr(1), "AK" + good.substr(2),
        "ak_0123456789aB_" + std::string(64, 'f'), "ak_0123456789ab-" + std::string(64, 'f'),
        "ak_0123456789ab_" + std::string(63, 'f') + "g",
        "ak_0123456789ab_" + std::string(63, 'f') + '\0'}) {
    EXPECT_FALSE(id_of_key(bad)) << bad;
  }
}

TEST(ApiKeyFile, is_refused_whole_when_a_part_of_it_is_not_understood) {
  EXPECT_EQ(code_of(with("label", "ok")), "read");
  for (const auto& [member, value] : std::initializer_list<std::pair<const char*, json>>{
           {"id", "ak_1"},
           {"id", 7},
           {"hash", "00"},
           {"hash", std::string(64, 'z')},
           {"role", "root"},
           {"role", "stranger"},
           {"created", "yesterday"},
           {"expires", 12},
           {"expires", "2026-13-01T00:00:00Z"},
           {"limits", json::array()},
           {"limits", {{"requests_per_minute", -1}}},
           {"limits", {{"requests_per_minute", 1.5}}},
           {"limits", {{"requests_per_second", 1}}},
           {"models", "minilm"},
           {"models", {1}},
           {"models", {""}},
           {"scope", "all"}}) {
    EXPECT_EQ(code_of(with(member, value)), "corrupt") << member << " " << value;
  }
}

TEST(ApiKeyFile, of_another_form_is_refused_and_a_newer_one_is_named) {
  for (const char* text : {"", "[]", "{}", "null", R"({"keys":[]})", R"({"version":1,"keys":{}})",
                           R"({"version":0,"keys":[]})", R"({"version":"1","keys":[]})",
                           R"({"version":1,"keys":[1]})", "{\"version\":1,\"keys\":[]} x"}) {
    EXPECT_EQ(code_of(text), "corrupt") << text;
  }
  EXPECT_EQ(code_of(R"({"version":2,"keys":[]})"), "unsupported");
  EXPECT_EQ(code_of(R"({"version":1,"keys":)" + std::string(100'000, '[')), "corrupt");
  SeededRandom random(1);
  const auto made = make_api_key(wanted(), kNow, random);
  EXPECT_EQ(code_of(write_api_keys({made->key, made->key})), "corrupt") << "the same id twice";
  EXPECT_EQ(code_of(write_api_keys(std::vector<ApiKey>(kMaxApiKeys + 1, made->key))), "corrupt");
}

TEST(Time, is_read_as_it_is_written) {
  for (const WallTime time : {WallTime{}, kNow, kNow + std::chrono::milliseconds(7)})
    EXPECT_EQ(parse_time(to_rfc3339(time)).value(), time);
  EXPECT_EQ(parse_time("2026-11-21T10:40:00Z").value(),
            parse_time("2026-11-21T10:40:00.000Z").value());
  for (const char* text :
       {"", "2026-11-21", "2026-11-21T10:40:00", "2026-11-21 10:40:00Z", "2026-02-30T10:40:00Z",
        "2026-11-21T24:00:00Z", "-026-11-21T10:40:00Z", "9999-11-21T10:40:00Z",
        "2026-11-21T10:40:00.0000Z", "2026-1--21T10:40:00Z"})
    EXPECT_FALSE(parse_time(text)) << text;
}

}  // namespace
}  // namespace accel::security
