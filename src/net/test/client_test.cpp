// SPDX-License-Identifier: Apache-2.0
// The client over real sockets: our own server, and servers that answer from a script.
#include <gtest/gtest.h>

#include "accel/core/async/with_timeout.hpp"
#include "support.hpp"

namespace accel::net {
namespace {

using std::chrono::milliseconds;

Task<HttpResponse> echo(HttpRequest request, std::stop_token) {
  std::string text = request.method + " " + request.target + " " + request.body;
  co_return text_response(200, std::move(text));
}

TEST(HttpClient, keeps_connections_and_uses_them_again) {
  TestServer server(echo);
  TestClient client;
  EXPECT_FALSE(client.get(server.url("/1"))->reused_connection);
  EXPECT_TRUE(client.get(server.url("/2"))->reused_connection);
  EXPECT_EQ(client.get(server.url("/3?x=%20"))->body, "GET /3?x=%20 ");
  EXPECT_EQ(server->stats().connections, 1U);
  (*client).close_idle();
  EXPECT_FALSE(client.get(server.url("/4"))->reused_connection);
}

TEST(HttpClient, runs_many_calls_at_once) {
  TestServer server(echo);
  IoThread io;
  HttpClient client(io.executor());
  TaskGroup group(io.executor(), "calls");
  std::atomic<int> good{0};
  struct Caller {
    static Task<void> call(HttpClient& the_client, Url url, std::atomic<int>& count) {
      for (int i = 0; i < 10; ++i) {
        HttpCall call;
        const auto reply = co_await the_client.request(url, std::move(call));
        if (reply && reply->status == 200) ++count;
      }
      co_return Status{};
    }
  };
  for (int i = 0; i < 32; ++i) {
    group.spawn(Caller::call(client, server.url("/" + std::to_string(i)), good));
  }
  EXPECT_TRUE(sync_wait(io.executor(), group.join()).has_value());
  EXPECT_EQ(good.load(), 320);
  EXPECT_LE(server->stats().connections, 32U);
}

TEST(HttpClient, sends_a_body) {
  TestServer server(echo);
  TestClient client;
  HttpCall call;
  call.method = "POST";
  call.body = std::string(1'000'000, 'b');
  const auto reply = client.get(server.url("/add"), std::move(call));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body.size(), 1'000'000U + 10);
}

TEST(HttpClient, hands_a_body_to_the_sink_piece_by_piece) {
  const std::string big(5'000'000, 'x');
  TestServer server([&big](HttpRequest, std::stop_token) { return reply_text(200, big); });
  TestClient client;
  std::uint64_t seen = 0;
  int pieces = 0;
  HttpCall call;
  call.on_chunk = [&](ByteView bytes) {
    seen += bytes.size();
    ++pieces;
    return Status{};
  };
  const auto reply = client.get(server.url("/"), std::move(call));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(seen, big.size());
  EXPECT_EQ(reply->body_bytes, big.size());
  EXPECT_TRUE(reply->body.empty());
  EXPECT_GT(pieces, 1);
}

TEST(HttpClient, shows_the_head_before_the_body_and_takes_no_for_an_answer) {
  const std::string big(5'000'000, 'x');
  TestServer server([&big](HttpRequest, std::stop_token) { return reply_text(200, big); });
  TestClient client;
  std::uint64_t seen = 0;
  HttpCall call;
  call.on_chunk = [&](ByteView bytes) {
    seen += bytes.size();
    return Status{};
  };
  call.on_head = [&](int status, const Headers& headers) -> Status {
    EXPECT_EQ(seen, 0U);
    return fail(Errc::unsupported, "{} with {} bytes", status, *headers.get("Content-Length"));
  };
  const auto reply = client.get(server.url("/"), std::move(call));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::unsupported);
  EXPECT_NE(reply.error().message.find("200 with 5000000 bytes"), std::string::npos);
  EXPECT_EQ(seen, 0U);
  EXPECT_FALSE(client.get(server.url("/"))->reused_connection);
}

TEST(HttpClient, a_sink_that_fails_ends_the_call_with_its_error) {
  TestServer server(echo);
  TestClient client;
  HttpCall call;
  call.on_chunk = [](ByteView) -> Status { return fail(Errc::resource_exhausted, "full"); };
  const auto reply = client.get(server.url("/"), std::move(call));
  EXPECT_EQ(reply.error().code, Errc::resource_exhausted);
}

TEST(HttpClient, head_has_headers_and_no_body) {
  TestServer server(echo);
  TestClient client;
  HttpCall call;
  call.method = "HEAD";
  const auto reply = client.get(server.url("/x"), std::move(call));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->headers.get("Content-Length"), "8");
  EXPECT_TRUE(reply->body.empty());
  EXPECT_TRUE(client.get(server.url("/x"))->reused_connection);
}

TEST(HttpClient, an_error_status_is_a_reply_and_its_text_goes_to_no_sink) {
  TestServer server(
      [](HttpRequest, std::stop_token) { return reply_text(404, "no such block\n"); });
  TestClient client;
  Bytes buffer(4);
  const auto reply = client.get_into(server.url("/x"), buffer);
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->status, 404);
  EXPECT_EQ(reply->body, "no such block\n");
  EXPECT_EQ(reply_error(*reply).code, Errc::not_found);
}

TEST(HttpClient, follows_redirects_and_says_where_it_arrived) {
  TestServer target(echo);
  const ScriptedServer first(
      {{"HTTP/1.1 302 Found\r\nLocation: " + target.url("/there").to_string() +
        "\r\nContent-Length: 0\r\n\r\n"}});
  TestClient client;
  HttpCall call;
  call.headers = {{"Authorization", "Bearer secret"}, {"X-Kept", "1"}};
  const auto reply = client.get(first.url("/here"), std::move(call));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body, "GET /there ");
  EXPECT_EQ(reply->url.path, "/there");
}

Task<HttpResponse> show_credentials(HttpRequest request, std::stop_token) {
  const bool has = request.headers.has("Authorization") || request.headers.has("Cookie");
  co_return text_response(200, has ? "leaked" : "clean");
}

TEST(HttpClient, does_not_carry_credentials_to_another_origin) {
  TestServer target(show_credentials);
  const ScriptedServer first({{"HTTP/1.1 302 Found\r\nLocation: " + target.url("/").to_string() +
                               "\r\nContent-Length: 0\r\n\r\n"}});
  TestClient client;
  HttpCall call;
  call.headers = {{"Authorization", "Bearer secret"}, {"Cookie", "a=b"}};
  EXPECT_EQ(client.get(first.url("/"), std::move(call))->body, "clean");
}

TEST(HttpClient, tries_again_when_a_kept_connection_was_closed_meanwhile) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  // The first connection answers once and breaks at the second request; the next one answers.
  const ScriptedServer server({{ok, ScriptedServer::kReset}, {ok}});
  TestClient client;
  EXPECT_EQ(client.get(server.url("/1"))->body, "ok");
  const auto second = client.get(server.url("/2"));
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_EQ(second->body, "ok");
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, does_not_send_a_change_twice) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const ScriptedServer server({{ok, ScriptedServer::kReset}, {ok}});
  TestClient client;
  EXPECT_EQ(client.get(server.url("/1"))->body, "ok");
  HttpCall call;
  call.method = "POST";
  EXPECT_EQ(client.get(server.url("/2"), std::move(call)).error().code, Errc::unavailable);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, reads_interim_replies_over) {
  const ScriptedServer server(
      {{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 100 Continue\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}});
  TestClient client;
  const auto reply = client.get(server.url("/"));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body, "ok");
  EXPECT_FALSE(reply->headers.has("Link"));
}

TEST(HttpClient, reads_a_body_to_the_end_of_the_connection) {
  const ScriptedServer server({{"HTTP/1.1 200 OK\r\n\r\nall of it"}});
  TestClient client;
  EXPECT_EQ(client.get(server.url("/"))->body, "all of it");
  Bytes exact(9);
  EXPECT_EQ(client.get_into(server.url("/"), exact)->body_bytes, 9U);
  EXPECT_EQ(as_text(exact), "all of it");
  Bytes small(8);
  EXPECT_EQ(client.get_into(server.url("/"), small).error().code, Errc::protocol);
}

TEST(HttpClient, stop_token_ends_a_call_that_waits) {
  const ScriptedServer server({{ScriptedServer::kHang}});
  IoThread io;
  HttpClient client(io.executor());
  std::stop_source source;
  HttpCall call;
  call.stop = source.get_token();
  TaskGroup group(io.executor(), "stopper");
  struct Stopper {
    static Task<void> run(std::stop_source stop) {
      const Status slept = co_await delay(milliseconds(30));
      stop.request_stop();
      co_return slept;
    }
  };
  group.spawn(Stopper::run(source));
  const auto reply = sync_wait(io.executor(), client.request(server.url("/"), std::move(call)));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::cancelled);
  EXPECT_TRUE(sync_wait(io.executor(), group.join()).has_value());
}

TEST(HttpClient, a_stop_before_the_call_sends_nothing) {
  const ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}});
  TestClient client;
  std::stop_source source;
  source.request_stop();
  HttpCall call;
  call.stop = source.get_token();
  EXPECT_EQ(client.get(server.url("/"), std::move(call)).error().code, Errc::cancelled);
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpClient, a_cancelled_task_ends) {
  const ScriptedServer server({{ScriptedServer::kHang}});
  IoThread io;
  HttpClient client(io.executor());
  HttpCall call;
  auto task = with_timeout(client.request(server.url("/"), std::move(call)), milliseconds(30));
  const auto reply = sync_wait(io.executor(), std::move(task));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::timeout);
}

TEST(HttpClient, says_that_nobody_listens) {
  std::uint16_t port = 0;
  {
    TestServer server(echo);
    port = std::get<TcpEndpoint>(server.endpoint()).port;
  }
  TestClient client;
  const auto url = parse_url("http://127.0.0.1:" + std::to_string(port) + "/x").value();
  const auto reply = client.get(url);
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::unavailable);
  EXPECT_EQ(reply.error().message, "GET " + url.to_string() + " failed: nobody listens there.");
}

TEST(HttpClient, says_that_a_socket_is_missing) {
  TestClient client;
  const auto reply = client.get(unix_url("/nonexistent/api.sock", "/").value());
  ASSERT_FALSE(reply.has_value());
  EXPECT_NE(reply.error().message.find("unix:/nonexistent/api.sock"), std::string::npos);
}

TEST(HttpClient, refuses_a_header_that_would_split_the_request) {
  TestServer server(echo);
  TestClient client;
  HttpCall call;
  call.headers = {{"X", "a\r\nHost: evil"}};
  EXPECT_EQ(client.get(server.url("/"), std::move(call)).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::net
