// SPDX-License-Identifier: Apache-2.0
// Signatures as botocore makes them. Vectors: test/data/s3/signatures.json; test/interop/s3 says
// how.
#include "accel/hub/aws_signature.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/net/url.hpp"

namespace accel::hub {
namespace {

using nlohmann::json;

WallTime time_of(const std::string& text) {
  std::tm parts{};
  EXPECT_NE(::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts), nullptr) << text;
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

AwsKeys keys_of(const json& vector) {
  const json& keys = vector.at("keys");
  return {keys.at("id"), keys.at("secret"), keys.at("session_token")};
}

TEST(AwsSignature, is_that_of_botocore_for_every_vector) {
  const auto text = read_text_file(ACCEL_TEST_DATA "/s3/signatures.json", 1U << 20U);
  ASSERT_TRUE(text) << text.error().message << " Run from the project's root.";
  const json vectors = json::parse(*text);
  ASSERT_GE(vectors.size(), 16U);
  for (const json& vector : vectors) {
    const std::string name = vector.at("name");
    const auto url = net::parse_url(vector.at("url").get<std::string>());
    ASSERT_TRUE(url) << name;
    net::HttpCall call;
    call.method = vector.at("method");
    for (const auto& [header, value] : vector.at("headers").items())
      call.headers.add(header, value);
    sign_aws_request(call, *url, keys_of(vector), {.region = vector.at("region")},
                     time_of(vector.at("time")));
    for (const auto& [header, value] : vector.at("signed").items()) {
      EXPECT_EQ(call.headers.get_or(header, ""), value.get<std::string>()) << name << " " << header;
    }
    EXPECT_EQ(call.headers.size(), vector.at("signed").size() + vector.at("headers").size())
        << name;
  }
}

TEST(AwsSignature, is_made_anew_when_a_request_is_sent_again) {
  const net::Url url = net::parse_url("http://objects.example/bucket/a").value();
  const AwsKeys keys{"id", "secret", "session"};
  net::HttpCall once;
  sign_aws_request(once, url, keys, {.region = "here"}, WallTime(std::chrono::hours(24)));
  net::HttpCall again;
  sign_aws_request(again, url, keys, {.region = "here"}, WallTime(std::chrono::hours(1)));
  EXPECT_NE(again.headers.get("Authorization"), once.headers.get("Authorization"));
  sign_aws_request(again, url, keys, {.region = "here"}, WallTime(std::chrono::hours(24)));
  EXPECT_EQ(again.headers.get("Authorization"), once.headers.get("Authorization"));
  EXPECT_EQ(again.headers.size(), 4U);
}

TEST(AwsSignature, shows_no_secret) {
  net::HttpCall call;
  sign_aws_request(call, net::parse_url("http://objects.example/b/a").value(), {"id", "s3cr3t", ""},
                   {.region = "here"}, WallTime(std::chrono::hours(24)));
  for (const net::HeaderField& field : call.headers) {
    EXPECT_EQ(field.value.find("s3cr3t"), std::string::npos) << field.name;
  }
}

}  // namespace
}  // namespace accel::hub
