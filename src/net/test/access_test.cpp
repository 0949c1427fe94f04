// SPDX-License-Identifier: Apache-2.0
#include "accel/net/access.hpp"

#include <gtest/gtest.h>

namespace accel::net {
namespace {

HttpRequest request_with(Headers headers) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/api/v1/add";
  request.headers = std::move(headers);
  return request;
}

Errc code_of(const Status& status) { return status ? Errc::internal : status.error().code; }

TEST(HostCheck, lets_loopback_names_in_with_any_port) {
  for (const char* host : {"localhost", "LOCALHOST:5080", "127.0.0.1:5080", "127.9.9.9", "[::1]",
                           "[::1]:5080", "app.localhost:80"}) {
    EXPECT_TRUE(check_host_and_origin(request_with({{"Host", host}}), {}).has_value()) << host;
  }
}

TEST(HostCheck, refuses_a_name_that_was_rebound) {
  for (const char* host :
       {"evil.example", "evil.example:5080", "127.0.0.1.evil.example", "localhost.evil.example",
        "192.168.0.1", "[2001:db8::1]", "0.0.0.0", "1.127.0.0"}) {
    const Status status = check_host_and_origin(request_with({{"Host", host}}), {});
    EXPECT_EQ(code_of(status), Errc::permission_denied) << host;
    EXPECT_NE(status.error().message.find("api.hosts"), std::string::npos);
  }
}

TEST(HostCheck, refuses_hosts_that_are_none_and_more_than_one) {
  for (const char* host : {"", "a b", "localhost/x", "localhost@evil.example", "localhost:x",
                           "evil.example#localhost", "[::1"}) {
    const Status status = check_host_and_origin(request_with({{"Host", host}}), {});
    EXPECT_EQ(code_of(status), Errc::invalid_argument) << host;
  }
  EXPECT_EQ(code_of(check_host_and_origin(request_with({}), {})), Errc::invalid_argument);
  const auto two = request_with({{"Host", "localhost"}, {"Host", "evil.example"}});
  EXPECT_EQ(code_of(check_host_and_origin(two, {})), Errc::invalid_argument);
}

TEST(HostCheck, lets_listed_names_in) {
  const AllowedHosts allowed{.hosts = {"node.example"}, .origins = {}};
  EXPECT_TRUE(check_host_and_origin(request_with({{"Host", "Node.Example:5080"}}), allowed));
}

TEST(OriginCheck, lets_pages_of_the_same_host_and_port_in) {
  const auto same = request_with({{"Host", "127.0.0.1:5080"}, {"Origin", "http://127.0.0.1:5080"}});
  EXPECT_TRUE(check_host_and_origin(same, {}).has_value());
  const auto implied = request_with({{"Host", "localhost"}, {"Origin", "http://localhost"}});
  EXPECT_TRUE(check_host_and_origin(implied, {}).has_value());
}

TEST(OriginCheck, refuses_foreign_pages_on_the_same_machine_too) {
  for (const char* origin :
       {"http://evil.example", "http://127.0.0.1:3000", "http://localhost:5080", "null", "",
        "file://", "http://127.0.0.1:5080/path", "unix:/x", "chrome-extension://abc"}) {
    const auto request = request_with({{"Host", "127.0.0.1:5080"}, {"Origin", origin}});
    EXPECT_EQ(code_of(check_host_and_origin(request, {})), Errc::permission_denied) << origin;
  }
  const auto two = request_with({{"Host", "127.0.0.1:5080"},
                                 {"Origin", "http://127.0.0.1:5080"},
                                 {"Origin", "http://evil.example"}});
  EXPECT_EQ(code_of(check_host_and_origin(two, {})), Errc::permission_denied);
}

TEST(OriginCheck, lets_listed_origins_in) {
  const AllowedHosts allowed{.hosts = {}, .origins = {"https://app.example"}};
  const auto listed = request_with({{"Host", "localhost"}, {"Origin", "https://app.example"}});
  EXPECT_TRUE(check_host_and_origin(listed, allowed).has_value());
  const auto near = request_with({{"Host", "localhost"}, {"Origin", "https://app.example.net"}});
  EXPECT_FALSE(check_host_and_origin(near, allowed).has_value());
}

TEST(HostCheck, does_not_ask_a_unix_socket) {
  auto request = request_with({});
  request.over_unix_socket = true;
  EXPECT_TRUE(check_host_and_origin(request, {}).has_value());
}

TEST(BearerToken, is_what_stands_behind_its_scheme) {
  const auto token = [&](const char* value) {
    const auto request = request_with({{"Authorization", value}});
    const auto found = bearer_token(request);
    return found ? std::string(*found) : std::string(errc_name(found.error().code));
  };
  EXPECT_EQ(token("Bearer 0123456789abcdef"), "0123456789abcdef");
  EXPECT_EQ(token("bearer  0123456789abcdef "), "0123456789abcdef");
  for (const char* wrong :
       {"Bearer ", "Bearer", "Bearer  ", "Basic 0123456789abcdef", "0123456789abcdef", ""}) {
    EXPECT_EQ(token(wrong), "unauthenticated") << wrong;
  }
}

TEST(BearerToken, is_required_once) {
  EXPECT_EQ(bearer_token(request_with({})).error().code, Errc::unauthenticated);
  const auto two = request_with({{"Authorization", "Bearer t"}, {"Authorization", "Bearer t"}});
  EXPECT_EQ(bearer_token(two).error().code, Errc::unauthenticated);
}

TEST(BearerToken, error_does_not_repeat_what_was_sent) {
  const auto refused = bearer_token(request_with({{"Authorization", "Basic hunter2"}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().to_string().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace accel::net
