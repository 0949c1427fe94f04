// SPDX-License-Identifier: Apache-2.0
// What a user may configure, the file of it, and keys.
#include "accel/endpoints/endpoint.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>

#include "accel/core/file.hpp"

namespace accel::endpoints {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

EndpointWords words(std::string kind, std::string url = {}) {
  EndpointWords made;
  made.name = "e";
  made.kind = std::move(kind);
  made.url = std::move(url);
  return made;
}

TEST(Endpoints, every_preset_that_has_an_address_makes_one) {
  for (const Preset& preset : presets()) {
    const auto made = make_endpoint(words(std::string(preset.name)));
    EXPECT_EQ(made.has_value(), !preset.url.empty()) << preset.name;
    if (!made) continue;
    EXPECT_EQ(made->key_env, preset.key_env);
    // What wants a key is not on this machine, and is spoken to over TLS.
    EXPECT_EQ(made->on_this_machine(), preset.key_env.empty()) << preset.name;
    EXPECT_EQ(made->url.scheme, made->wants_key() ? "https" : "http");
  }
}

TEST(Endpoints, a_url_without_a_path_gets_the_protocols) {
  EXPECT_EQ(make_endpoint(words("openai", "http://127.0.0.1:9"))->url.path, "/v1");
  EXPECT_EQ(make_endpoint(words("openai", "http://127.0.0.1:9/x/"))->url.path, "/x");
  EXPECT_EQ(make_endpoint(words("ollama", "http://127.0.0.1:9"))->url.path, "/");
  EXPECT_EQ(make_endpoint(words("ovms-llm", "http://127.0.0.1:9"))->url.path, "/v3");
}

TEST(Endpoints, anothers_address_does_not_get_the_presets_key) {
  EXPECT_FALSE(make_endpoint(words("openai", "https://example.org/v1"))->wants_key());
}

TEST(Endpoints, what_is_on_this_machine) {
  for (const char* url : {"http://127.0.0.1:1", "http://127.9.9.9", "http://localhost:1",
                          "http://[::1]:1", "unix:/run/api.sock:/v1"})
    EXPECT_TRUE(make_endpoint(words("openai", url))->on_this_machine()) << url;
  for (const char* url : {"http://10.0.0.1", "http://127.example.org", "http://localhost.evil.org",
                          "http://0.0.0.0", "http://[::2]"})
    EXPECT_FALSE(make_endpoint(words("openai", url))->on_this_machine()) << url;
}

TEST(Endpoints, what_is_refused_says_why) {
  EndpointWords key = words("openai", "http://example.org");
  key.key_env = "KEY";
  EXPECT_THAT(make_endpoint(key).error().message, HasSubstr("https alone"));
  key.key_env = "sk-proj-1234";  // A key where its variable's name is due.
  const auto refused = make_endpoint(key);
  EXPECT_THAT(refused.error().message, HasSubstr("not the key"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("1234")));
  EXPECT_FALSE(make_endpoint(words("openai", "https://x.org/v1?key=abc")));
  EXPECT_FALSE(make_endpoint(words("openai", "https://user:pw@x.org/v1")));
  EXPECT_THAT(make_endpoint(words("opnai")).error().message, HasSubstr("ollama"));
  EndpointWords named = words("openai");
  named.name = "a/b";
  EXPECT_FALSE(make_endpoint(named));
  EndpointWords file = words("claude");
  file.key_file = "relative";
  EXPECT_FALSE(make_endpoint(file));
  EndpointWords number = words("openai");
  number.max_concurrent = 0;
  EXPECT_FALSE(make_endpoint(number));
  EndpointWords models = words("openai");
  models.models = {"a", "a=b"};
  EXPECT_FALSE(make_endpoint(models));
}

TEST(Endpoints, names_of_models_are_translated) {
  EndpointWords some = words("openai");
  some.models = {"small=gpt-x-mini", "same"};
  const Endpoint endpoint = make_endpoint(some).value();
  EXPECT_EQ(endpoint.remote_name("small"), "gpt-x-mini");
  EXPECT_EQ(endpoint.remote_name("same"), "same");
  EXPECT_EQ(endpoint.remote_name("other"), std::nullopt);
  EXPECT_EQ(make_endpoint(words("openai"))->remote_name("other"), "other");
  EXPECT_FALSE(make_endpoint(words("openai"))->takes_any()) << "asked by its name alone";
  some.models = {"small=gpt-x-mini", "*"};
  const Endpoint any = make_endpoint(some).value();
  EXPECT_TRUE(any.takes_any());
  EXPECT_FALSE(any.lists("*"));
  EXPECT_EQ(any.remote_name("small"), "gpt-x-mini");
  EXPECT_EQ(any.remote_name("other"), "other");
  some.models = {"*=all"};
  EXPECT_FALSE(make_endpoint(some));
}

TEST(EndpointList, is_read_as_it_was_written) {
  EndpointWords full = words("openai", "https://x.org/v1");
  full.key_file = "/keys/x";
  full.models = {"a=b"};
  full.price_input = 1.5;
  full.requests_per_minute = 60;
  full.timeout_ms = 5000;
  std::vector<Endpoint> list{make_endpoint(full).value()};
  EndpointWords second = words("ollama", "unix:/run/o.sock");
  second.name = "second";
  list.push_back(make_endpoint(second).value());
  const std::string text = print_endpoints(list);
  const auto again = parse_endpoints(text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(print_endpoints(*again), text);
  EXPECT_EQ(again->at(1).url.host, "/run/o.sock");
}

TEST(EndpointList, hostile_lists_are_refused) {
  for (
      const char* text :
      {"", "[]", "{}", R"({"format":0})", R"({"format":1,"endpoints":[{}]})",
       R"({"format":1,"endpoints":[{"name":"e","kind":"openai"},{"name":"e","kind":"openai"}]})",
       R"({"format":1,"endpoints":[{"name":"e","kind":"openai","url":"http://x","key_env":"K"}]})"})
    EXPECT_EQ(parse_endpoints(text).error().code, Errc::corrupt) << text;
  EXPECT_EQ(parse_endpoints(R"({"format":2})").error().code, Errc::unsupported);
}

class Keys : public ::testing::Test {
 protected:
  Keys() {
    folder_ = std::filesystem::temp_directory_path() / ("accel-keys-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~Keys() override { std::filesystem::remove_all(folder_); }
  Endpoint with_file(const std::string& text, unsigned mode) {
    Endpoint endpoint;
    endpoint.name = "e";
    endpoint.key_file = (folder_ / "key").string();
    EXPECT_TRUE(write_file_atomic(endpoint.key_file, as_bytes(text), mode));
    return endpoint;
  }
  std::filesystem::path folder_;
};

TEST_F(Keys, are_read_from_a_file_that_nobody_else_may_read) {
  EXPECT_EQ(read_key(with_file("sk-1\n", 0600)), "sk-1");
  const auto open = read_key(with_file("sk-1", 0644));
  EXPECT_EQ(open.error().code, Errc::permission_denied);
  EXPECT_THAT(open.error().message, Not(HasSubstr("sk-1")));
  for (const char* wrong : {"a\r\nX-Evil: 1", "a b", "\n"})
    EXPECT_EQ(read_key(with_file(wrong, 0600)).error().code, Errc::invalid_argument);
  Endpoint gone = with_file("k", 0600);
  gone.key_file += "-not";
  EXPECT_EQ(read_key(gone).error().code, Errc::unauthenticated);
  gone.key_file = folder_.string();
  EXPECT_FALSE(read_key(gone));
}

TEST_F(Keys, are_read_from_the_environment) {
  Endpoint endpoint;
  endpoint.name = "e";
  EXPECT_EQ(read_key(endpoint), "");
  endpoint.key_env = "ACCEL_TEST_ENDPOINT_KEY";
  EXPECT_EQ(read_key(endpoint).error().code, Errc::unauthenticated);
  ASSERT_EQ(::setenv("ACCEL_TEST_ENDPOINT_KEY", "k1", 1), 0);
  EXPECT_EQ(read_key(endpoint), "k1");
  ASSERT_EQ(::unsetenv("ACCEL_TEST_ENDPOINT_KEY"), 0);
}

}  // namespace
}  // namespace accel::endpoints
