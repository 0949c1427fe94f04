// SPDX-License-Identifier: Apache-2.0
// Keys, roles and limits over real sockets, in every protocol.
#include <gtest/gtest.h>

#include "api_server_fixture.hpp"

namespace accel::server {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t kMiB = 1U << 20U;

// One key of each role against every kind of route: who is not known gets 401, whose role is too
// small 403 in the words of what was asked.
TEST_F(ApiServerTest, asks_for_a_role_in_every_protocol) {
  start(api_limits(), 4, /*kubo_rpc=*/true);
  const std::string read = key_of("read"), infer = key_of("inference"),
                    operate = key_of("operator");
  const auto status = [&](std::string_view line, const std::string& key, std::string_view body) {
    RawClient client = tcp();
    const std::string sent = key.empty() ? key : "Authorization: Bearer " + key + "\r\n";
    client.send(
        fmt::format("{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}"
                    "Content-Length: {}\r\n\r\n{}",
                    line, sent, body.size(), body));
    const std::string answer = client.read_to_end();
    return answer.size() > 12 ? answer.substr(9, 3) : answer;
  };
  struct Row {
    const char *line, *body, *stranger, *read, *inference, *operate;
  };
  for (const Row& row : {
           Row{"GET /metrics", "", "401", "200", "200", "200"},
           Row{"GET /healthz", "", "200", "200", "200", "200"},
           Row{"GET /", "", "200", "200", "200", "200"},
           Row{"POST /api/v1/pin.ls", "{}", "401", "403", "403", "200"},
           Row{"POST /api/v1/models.list", "{}", "401", "200", "200", "200"},
           Row{"POST /api/v1/run", "{\"model\":\"m\",\"inputs\":[\"x\"]}", "401", "403", "200",
               "200"},
           Row{"POST /api/v1/content.add", "{}", "401", "403", "403", "403"},
           Row{"POST /api/v1/api_keys.list", "{}", "401", "403", "403", "403"},
           Row{"GET /v1/models", "", "401", "200", "200", "200"},
           Row{"POST /v1/embeddings", "{\"model\":\"m\",\"input\":\"x\"}", "401", "403", "404",
               "404"},
           Row{"GET /api/tags", "", "401", "200", "200", "200"},
           Row{"POST /api/pull", "{\"model\":\"m\"}", "401", "403", "403", "404"},
           Row{"POST /api/embed", "{\"model\":\"m\",\"input\":\"x\"}", "401", "403", "404", "404"},
           Row{"GET /v2/health/live", "", "200", "200", "200", "200"},
           Row{"POST /v2/repository/index", "", "401", "200", "200", "200"},
           Row{"GET /v2/models/m", "", "401", "403", "404", "404"},
           Row{"POST /v2/repository/models/m/unload", "", "401", "403", "403", "404"},
           Row{"POST /api/v0/id", "", "401", "200", "200", "200"},
           Row{"POST /api/v0/repo/stat", "", "401", "200", "200", "200"},
           Row{"POST /api/v0/pin/ls", "", "401", "403", "403", "200"},
           Row{"POST /api/v0/key/gen?arg=k", "", "401", "403", "403", "403"},
           Row{"POST /api/v0/add", "", "401", "403", "403", "400"},
       }) {
    EXPECT_EQ(status(row.line, {}, row.body), row.stranger) << row.line;
    EXPECT_EQ(status(row.line, read, row.body), row.read) << row.line;
    EXPECT_EQ(status(row.line, infer, row.body), row.inference) << row.line;
    EXPECT_EQ(status(row.line, operate, row.body), row.operate) << row.line;
  }
}

TEST_F(ApiServerTest, a_refusal_is_told_as_each_protocol_s_clients_read_it) {
  start();
  const std::string read = "Authorization: Bearer " + key_of("read") + "\r\n";
  const auto answer = [&](std::string_view line, std::string_view body, std::string_view key) {
    RawClient client = tcp();
    client.send(
        fmt::format("{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}"
                    "Content-Length: {}\r\n\r\n{}",
                    line, key, body.size(), body));
    return client.read_to_end();
  };
  const char* const asked = "{\"model\":\"m\",\"input\":\"x\"}";
  const std::string openai = answer("POST /v1/embeddings", asked, read);
  EXPECT_TRUE(contains(openai, "\"type\":\"permission_error\"")) << openai;
  EXPECT_TRUE(contains(openai, "takes the role inference")) << openai;
  EXPECT_TRUE(contains(answer("POST /api/embed", asked, read), "{\"error\":\"run takes the role"));
  const std::string stranger = answer("POST /v1/embeddings", asked, {});
  EXPECT_TRUE(contains(stranger, "\"type\":\"authentication_error\"")) << stranger;
  EXPECT_TRUE(contains(stranger, "WWW-Authenticate: Bearer\r\n")) << stranger;
  EXPECT_FALSE(contains(stranger, home_.root.string())) << "strangers learn no paths";
}

TEST_F(ApiServerTest, a_key_s_limits_are_answered_with_429_and_when_to_try_again) {
  start();
  const std::string key = key_of("read", {{"requests_per_minute", 2}, {"body_bytes", 64}});
  const auto answer = [&](std::string_view line, std::string_view body) {
    RawClient client = tcp();
    client.send(
        fmt::format("{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: "
                    "Bearer {}\r\nContent-Length: {}\r\n\r\n{}",
                    line, key, body.size(), body));
    return client.read_to_end();
  };
  const std::string large = answer("POST /v1/embeddings", std::string(65, ' '));
  EXPECT_TRUE(large.starts_with("HTTP/1.1 413 ")) << large;
  const std::string first = answer("GET /v1/models", {});
  EXPECT_TRUE(first.starts_with("HTTP/1.1 200 ")) << first;
  EXPECT_TRUE(contains(first, "x-ratelimit-limit-requests: 2\r\n")) << first;
  EXPECT_TRUE(contains(first, "x-ratelimit-remaining-requests: 1\r\n")) << first;
  EXPECT_TRUE(answer("GET /v1/models", {}).starts_with("HTTP/1.1 200 "));
  const std::string refused = answer("GET /v1/models", {});
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 ")) << refused;
  EXPECT_TRUE(contains(refused, "Retry-After: ")) << refused;
  EXPECT_TRUE(contains(refused, "\"type\":\"rate_limit_error\"")) << refused;
  EXPECT_TRUE(contains(refused, "x-ratelimit-remaining-requests: 0\r\n")) << refused;
  EXPECT_TRUE(answer("GET /metrics", {}).starts_with("HTTP/1.1 429 ")) << "of all routes together";
}

// The bodies of uploads go to the disk while they come: limits are asked before.
TEST_F(ApiServerTest, an_upload_beyond_a_key_s_limits_is_refused_before_its_body) {
  start(api_limits(), 4, /*kubo_rpc=*/true);
  const std::string sent =
      "Authorization: Bearer " + key_of("operator", {{"requests_per_minute", 2}}) + "\r\n";
  const std::string body =
      "--x\r\nContent-Disposition: form-data; name=\"file\"; "
      "filename=\"a\"\r\n\r\nhello\r\n--x--\r\n";
  const auto head = [&](std::size_t length) {
    return fmt::format(
        "POST /api/v0/add HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n",
        sent, length);
  };
  RawClient first = tcp();
  first.send(head(body.size()) + body);
  const std::string added = first.read_to_end();
  EXPECT_TRUE(added.starts_with("HTTP/1.1 200 ")) << added;
  EXPECT_TRUE(contains(added, "x-ratelimit-remaining-requests: 1\r\n")) << "counted once" << added;
  RawClient between = tcp();
  between.post("pin.ls", "{}", sent);
  EXPECT_TRUE(between.read_until("\n").starts_with("HTTP/1.1 200 "));
  RawClient second = tcp();
  second.send(head(100'000'000));  // And nothing of the body.
  const std::string refused = second.read_until("\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 ")) << refused;
  EXPECT_TRUE(contains(refused, "Retry-After: ")) << refused;
  EXPECT_TRUE(contains(second.read_to_end() + refused, "\"Type\":\"error\""));
}

TEST_F(ApiServerTest, uploads_that_run_count_while_they_come) {
  start(api_limits(), 4, /*kubo_rpc=*/true);
  const std::string sent =
      "Authorization: Bearer " + key_of("operator", {{"concurrent_requests", 1}}) + "\r\n";
  const std::string head = fmt::format(
      "POST /api/v0/add HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n{}"
      "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n",
      sent);
  RawClient slow = tcp();
  slow.send(head);
  EXPECT_TRUE(slow.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 "));
  RawClient second = tcp();
  second.send(head);
  EXPECT_TRUE(second.read_until("\r\n\r\n").starts_with("HTTP/1.1 429 "));
  slow.reset();  // Who leaves gives its place back.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  std::string last;
  while (!last.starts_with("HTTP/1.1 100 ") && std::chrono::steady_clock::now() < deadline) {
    RawClient next = tcp();
    next.send(head);
    last = next.read_until("\r\n\r\n");
  }
  EXPECT_TRUE(last.starts_with("HTTP/1.1 100 ")) << last;
}

TEST_F(ApiServerTest, errors_of_its_own_routes_have_one_shape) {
  start();
  const std::string read = "Authorization: Bearer " + key_of("read") + "\r\n";
  const auto shape = [&](std::string_view line, std::string_view more, std::string_view body) {
    RawClient client = tcp();
    client.send(
        fmt::format("{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}"
                    "Content-Length: {}\r\n\r\n{}",
                    line, more, body.size(), body));
    const std::string answer = client.read_to_end();
    const std::size_t end = answer.find("\r\n\r\n");
    const json told = json::parse(answer.substr(std::min(end, answer.size())), nullptr, false);
    const bool fits = told.is_object() && told.size() == 1 && told.contains("error") &&
                      told["error"].is_object() && told["error"].size() == 3 &&
                      told["error"].value("cause", json()).is_string();
    if (!fits || !contains(answer, "Content-Type: application/json\r\n")) return answer;
    return answer.substr(9, 4) + told["error"]["code"].get<std::string>();
  };
  EXPECT_EQ(shape("GET /api/v1/models.list", read, {}), "405 invalid_argument");
  EXPECT_EQ(shape("POST /api/v1/pin.lost", read, "{}"), "404 not_found");
  EXPECT_EQ(shape("POST /api/v1/models.list", read, "[]"), "400 invalid_argument");
  EXPECT_EQ(shape("POST /api/v1/models.list", read, "{"), "400 invalid_argument");
  EXPECT_EQ(shape("POST /api/v1/pin.ls", read, "{}"), "403 permission_denied");
  EXPECT_EQ(shape("POST /api/v1/pin.ls", {}, "{}"), "401 unauthenticated");
  EXPECT_EQ(shape("GET /metrics", {}, {}), "401 unauthenticated");
  EXPECT_EQ(shape("GET /nothing", {}, {}), "404 not_found");
  EXPECT_EQ(shape("POST /version", {}, {}), "405 invalid_argument");
  EXPECT_EQ(shape("POST /api/v1/run", "Origin: http://evil.example\r\n", "{}"),
            "403 permission_denied");
  EXPECT_EQ(shape("POST /api/v1/node.status", {}, std::string(70'000, ' ')),
            "400 invalid_argument");
}

TEST_F(ApiServerTest, a_key_holds_its_place_until_its_stream_is_sent) {
  start();
  const std::string cid = add(write_file("large", 64 * kMiB), /*only_hash=*/false);
  const std::string key = key_of("operator", {{"concurrent_requests", 1}});
  const std::string sent = "Authorization: Bearer " + key + "\r\n";
  {
    RawClient reader = tcp();
    reader.post("content.cat", json{{"target", cid}}.dump(), sent);
    EXPECT_TRUE(contains(reader.read_until("\"bytes\""), "HTTP/1.1 200 "));
    RawClient second = tcp();
    second.post("pin.ls", "{}", sent);
    EXPECT_TRUE(second.read_until("\n").starts_with("HTTP/1.1 429 "));
  }
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  std::string last;
  while (!last.starts_with("HTTP/1.1 200 ") && std::chrono::steady_clock::now() < deadline) {
    RawClient next = tcp();
    next.post("pin.ls", "{}", sent);
    last = next.read_until("\n");
  }
  EXPECT_TRUE(last.starts_with("HTTP/1.1 200 ")) << last;
}

TEST_F(ApiServerTest, malformed_credentials_are_refused_and_not_repeated) {
  start();
  const std::string key = key_of("admin");
  std::string other = key;
  other[5] = other[5] == '0' ? '1' : '0';
  for (const std::string& value :
       {std::string("Bearer"), std::string("Bearer "), "bearer" + key, "Basic " + key,
        "Bearer " + key + key, "Bearer " + key.substr(0, 79), "Bearer " + other,
        "Bearer " + key + "\r\nAuthorization: Bearer " + key, "Bearer " + std::string(8000, 'a')}) {
    RawClient client = tcp();
    client.post("pin.ls", "{}", "Authorization: " + value + "\r\n");
    const std::string refused = client.read_to_end();
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 ")) << value << refused;
    EXPECT_FALSE(contains(refused, key.substr(20))) << refused;
  }
}

}  // namespace
}  // namespace accel::server
