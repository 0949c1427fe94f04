// SPDX-License-Identifier: Apache-2.0
// The server against clients that want to hurt it: what they can hold, and for how long.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <future>

#include "support.hpp"

namespace accel::net {
namespace {

using std::chrono::milliseconds;

Task<HttpResponse> hello(HttpRequest, std::stop_token) { co_return text_response(200, "hello"); }

bool starts_with_status(const std::string& reply, int status) {
  return reply.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

TEST(HostileClient, header_flood_is_refused_with_a_bounded_buffer) {
  TestServer server(hello);
  RawClient client(server.endpoint());
  const std::string line = "X-Flood: " + std::string(1000, 'x') + "\r\n";
  bool open = client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  for (int i = 0; open && i < 200; ++i) open = client.send(line);
  EXPECT_TRUE(starts_with_status(client.read_to_end(), 431));
}

TEST(HostileClient, an_endless_request_line_is_refused) {
  TestServer server(hello, {.max_header_bytes = 4096});
  RawClient client(server.endpoint());
  client.send("GET /" + std::string(100'000, 'a'));
  EXPECT_TRUE(starts_with_status(client.read_to_end(), 431));
}

TEST(HostileClient, slow_loris_is_cut_when_its_head_takes_too_long) {
  TestServer server(hello, {.header_timeout = milliseconds(100)});
  RawClient client(server.endpoint());
  const auto begin = std::chrono::steady_clock::now();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  const std::string reply = client.read_to_end();
  EXPECT_TRUE(starts_with_status(reply, 408)) << reply;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(server->stats().timeouts, 1U);
}

TEST(HostileClient, one_that_says_nothing_is_closed) {
  TestServer server(hello, {.header_timeout = milliseconds(50)});
  RawClient client(server.endpoint());
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(HostileClient, an_idle_connection_is_closed) {
  TestServer server(hello, {.idle_timeout = milliseconds(50)});
  RawClient client(server.endpoint());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.read_response();
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(server->stats().timeouts, 0U);
}

TEST(HostileClient, a_body_that_drips_is_cut) {
  TestServer server(hello, {.stall_timeout = milliseconds(100), .min_progress_bytes = 1000});
  RawClient client(server.endpoint());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  // Each look sends one more byte: always something, never enough.
  EXPECT_TRUE(eventually([&] {
    client.send("x");
    return server->stats().timeouts == 1;
  }));
  EXPECT_TRUE(eventually([&] { return server->stats().open_connections == 0; }));
}

TEST(HostileClient, one_that_does_not_read_is_cut) {
  const std::string big(32 * 1024 * 1024, 'x');
  TestServer server([&big](HttpRequest, std::stop_token) { return reply_text(200, big); },
                    {.stall_timeout = milliseconds(150)});
  RawClient client(server.endpoint());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return server->stats().timeouts == 1; }));
  EXPECT_TRUE(eventually([&] { return server->stats().open_connections == 0; }));
}

TEST(HostileClient, a_huge_content_length_allocates_nothing) {
  TestServer server(hello, {.max_body_bytes = 1ULL << 40U});
  RawClient client(server.endpoint());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1099511627776\r\n\r\nabc");
  client.close();
  EXPECT_TRUE(eventually([&] { return server->stats().open_connections == 0; }));
}

TEST(HostileClient, a_chunk_header_without_end_is_refused) {
  TestServer server(hello);
  RawClient client(server.endpoint());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;");
  client.send(std::string(64 * 1024, 'x'));
  EXPECT_TRUE(starts_with_status(client.read_to_end(), 400));
}

TEST(HostileClient, garbage_behind_a_good_request_is_answered_and_closed) {
  TestServer server(hello);
  const std::string reply =
      send_and_read(server.endpoint(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n\x01\x02garbage\r\n\r\n");
  EXPECT_TRUE(starts_with_status(reply, 200));
  EXPECT_NE(reply.find("HTTP/1.1 400 "), std::string::npos) << reply;
}

TEST(HostileClient, tls_on_a_plain_port_is_refused) {
  TestServer server(hello);
  const std::string hello_bytes("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15);
  EXPECT_TRUE(starts_with_status(send_and_read(server.endpoint(), hello_bytes), 400));
}

TEST(HostileClient, one_that_leaves_in_the_middle_of_a_download_costs_nothing) {
  const std::string big(32 * 1024 * 1024, 'x');
  TestServer server([&big](HttpRequest, std::stop_token) { return reply_text(200, big); });
  for (int i = 0; i < 5; ++i) {
    RawClient client(server.endpoint());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_until("\r\n\r\n");
    client.close();
  }
  EXPECT_TRUE(eventually([&] { return server->stats().open_connections == 0; }));
}

TEST(HostileClient, a_reset_connection_does_not_disturb_the_others) {
  TestServer server(hello);
  RawClient good(server.endpoint());
  for (int i = 0; i < 20; ++i) {
    RawClient bad(server.endpoint());
    bad.send("GET / HTTP/1.1\r\nHost: a\r\n");
    const linger now{1, 0};
    ::setsockopt(bad.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    bad.close();
  }
  good.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(good.read_response().ends_with("hello"));
}

// Holds the server's only thread, so that clients come and go before they are accepted.
class HeldServer {
 public:
  explicit HeldServer(TestServer& server) {
    asio::post(server.executor(), [gate = released_] { gate.wait(); });
  }
  ~HeldServer() { release_.set_value(); }

 private:
  std::promise<void> release_;
  std::shared_future<void> released_{release_.get_future().share()};
};

// getpeername() fails for such a connection, but recv() still hands its request out.
TEST(HostileClient, one_that_resets_before_it_is_accepted_is_not_taken_for_a_local_one) {
  std::atomic<int> served{0};
  std::atomic<int> trusted{0};
  TestServer server([&](HttpRequest request, std::stop_token) {
    ++served;
    if (request.over_unix_socket || request.remote == "unix") ++trusted;
    return reply_text(200, "hello");
  });
  {
    const HeldServer held(server);
    for (int i = 0; i < 20; ++i) {
      RawClient bad(server.endpoint());
      bad.send("POST /secret HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}");
      const linger now{1, 0};
      ::setsockopt(bad.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
      bad.close();
    }
  }
  RawClient good(server.endpoint());
  good.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(good.read_response().ends_with("hello"));
  EXPECT_TRUE(eventually([&] { return server->stats().open_connections == 1; }));
  EXPECT_EQ(trusted.load(), 0);
  EXPECT_EQ(served.load(), 1);
}

TEST(HostileClient, a_half_closed_client_still_gets_a_quick_answer) {
  TestServer server(hello);
  RawClient client(server.endpoint());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  client.close_sending();
  EXPECT_TRUE(client.read_to_end().ends_with("hello"));
}

}  // namespace
}  // namespace accel::net
