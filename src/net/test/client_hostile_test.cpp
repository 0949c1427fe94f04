// SPDX-License-Identifier: Apache-2.0
// The client against servers that lie, stall, send too much, too little or in circles.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <boost/asio/this_coro.hpp>
#include <optional>

#include "connector.hpp"
#include "support.hpp"

namespace accel::net {
namespace {

using std::chrono::milliseconds;
const std::string kHang = ScriptedServer::kHang;

Error error_of(const Result<HttpReply>& reply) {
  EXPECT_FALSE(reply.has_value());
  return reply ? Error{} : reply.error();
}

// What one reply, sent to a fresh connection, comes to.
Error error_for(const std::string& reply, HttpCall call = {}, ClientOptions options = {}) {
  const ScriptedServer server({{reply}});
  TestClient client(std::move(options));
  const auto got = client.get(server.url("/block"), std::move(call));
  const Error error = error_of(got);
  EXPECT_NE(error.message.find(server.url("/block").to_string()), std::string::npos)
      << error.message;
  EXPECT_TRUE(error.message.ends_with('.')) << error.message;
  return error;
}

TEST(LyingServer, that_is_none_is_a_protocol_error) {
  EXPECT_EQ(error_for("SSH-2.0-OpenSSH_9.2\r\n\r\n").code, Errc::protocol);
  EXPECT_EQ(error_for("HTTP/3 200 OK\r\n\r\n").code, Errc::protocol);
  EXPECT_EQ(error_for(std::string(100, '\0') + "\r\n\r\n").code, Errc::protocol);
}

TEST(LyingServer, that_closes_early_is_named_with_the_bytes_that_came) {
  const Error error = error_for("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_NE(error.message.find("after 5 of 10 bytes"), std::string::npos) << error.message;
  EXPECT_EQ(error_for("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").code,
            Errc::unavailable);
  EXPECT_EQ(error_for("HTTP/1.1 200 OK\r\nContent-Le").code, Errc::unavailable);
  EXPECT_EQ(error_for("").code, Errc::unavailable);
}

TEST(LyingServer, that_announces_too_much_is_cut_off_at_once) {
  HttpCall call;
  call.max_body_bytes = 100;
  const Error error =
      error_for("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nxxx", std::move(call));
  EXPECT_EQ(error.code, Errc::protocol);
  EXPECT_NE(error.message.find("at most 100"), std::string::npos) << error.message;
}

TEST(LyingServer, that_sends_more_than_it_may_is_cut_off) {
  HttpCall chunked;
  chunked.max_body_bytes = 4;
  EXPECT_EQ(
      error_for("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                std::move(chunked))
          .code,
      Errc::protocol);
  HttpCall to_end;
  to_end.max_body_bytes = 4;
  EXPECT_EQ(error_for("HTTP/1.1 200 OK\r\n\r\nhello", std::move(to_end)).code, Errc::protocol);
}

TEST(LyingServer, never_writes_beyond_the_callers_buffer) {
  for (const char* reply : {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nmore more",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nmore more",
                            "HTTP/1.1 200 OK\r\n\r\nmore more"}) {
    const ScriptedServer server({{reply}});
    TestClient client;
    Bytes buffer(8, 0xAA);
    const auto got = client.get_into(server.url("/"), std::span(buffer).first(4));
    EXPECT_EQ(error_of(got).code, Errc::protocol) << reply;
    EXPECT_EQ(ByteView(buffer).subspan(4)[0], 0xAA);
  }
}

TEST(LyingServer, bytes_behind_a_reply_do_not_become_the_next_one) {
  const std::string poisoned =
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: "
      "4\r\n\r\nevil";
  const ScriptedServer server({{poisoned, poisoned}});
  TestClient client;
  EXPECT_EQ(client.get(server.url("/1"))->body, "ok");
  EXPECT_EQ(client.get(server.url("/2"))->body, "ok");
  EXPECT_EQ(server.connections(), 2);
}

TEST(LyingServer, a_header_flood_is_cut_off) {
  std::string flood = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 2000; ++i) flood += "X-Flood: " + std::string(100, 'x') + "\r\n";
  EXPECT_EQ(error_for(flood).code, Errc::protocol);
}

TEST(LyingServer, interim_replies_without_end_are_cut_off) {
  std::string endless;
  for (int i = 0; i < 20; ++i) endless += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(error_for(endless).code, Errc::protocol);
}

TEST(LyingServer, a_coding_nobody_asked_for_is_refused) {
  EXPECT_EQ(
      error_for("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok").code,
      Errc::protocol);
  EXPECT_EQ(error_for("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n").code,
            Errc::protocol);
}

TEST(LyingServer, an_endless_error_page_is_kept_short) {
  const std::string page =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 99999999999\r\n\r\n" +
      std::string(2 * kMaxErrorBodyBytes, 'x');
  const ScriptedServer server({{page}});
  TestClient client;
  const auto reply = client.get(server.url("/"));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->status, 503);
  EXPECT_EQ(reply->body.size(), kMaxErrorBodyBytes);
}

TEST(StallingServer, that_never_answers_is_a_timeout) {
  ClientOptions options;
  options.idle_timeout = milliseconds(60);
  EXPECT_EQ(error_for(kHang, {}, options).code, Errc::timeout);
}

TEST(StallingServer, that_stops_in_the_middle_is_a_timeout) {
  ClientOptions options;
  options.idle_timeout = milliseconds(60);
  // Its script has a second line that waits for a second request: so the connection stays open.
  const ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", kHang}});
  TestClient client(std::move(options));
  EXPECT_EQ(error_of(client.get(server.url("/"))).code, Errc::timeout);
}

TEST(StallingServer, the_total_time_of_a_call_counts_its_redirects) {
  std::vector<ScriptedServer::Script> scripts;
  scripts.push_back({"HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n", kHang});
  const ScriptedServer server(std::move(scripts));
  TestClient client;
  HttpCall call;
  call.total_timeout = milliseconds(60);
  const Error error = error_of(client.get(server.url("/1"), std::move(call)));
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_NE(error.message.find("/2"), std::string::npos);
}

TEST(StallingServer, one_that_does_not_accept_is_a_connect_timeout) {
  // TEST-NET-1 (RFC 5737): nobody answers there, or the network says so at once.
  ClientOptions options;
  options.connect_timeout = milliseconds(80);
  TestClient client(std::move(options));
  const Error error = error_of(client.get(parse_url("http://192.0.2.1:9/").value()));
  EXPECT_TRUE(error.code == Errc::timeout || error.code == Errc::unavailable) << error.message;
}

TEST(CirclingServer, a_redirect_loop_is_named) {
  const std::string to_b = "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
  const std::string to_a = "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n";
  const ScriptedServer server({{to_b, to_a}});
  TestClient client;
  const Error error = error_of(client.get(server.url("/a")));
  EXPECT_EQ(error.code, Errc::protocol);
  EXPECT_NE(error.message.find("loop"), std::string::npos) << error.message;
}

TEST(CirclingServer, an_endless_chain_ends) {
  ScriptedServer::Script script;
  for (int i = 1; i < 20; ++i) {
    script.push_back("HTTP/1.1 307 Temporary Redirect\r\nLocation: /" + std::to_string(i) +
                     "\r\nContent-Length: 0\r\n\r\n");
  }
  const ScriptedServer server({script});
  TestClient client;
  const Error error = error_of(client.get(server.url("/0")));
  EXPECT_EQ(error.code, Errc::protocol);
  EXPECT_EQ(server.requests().size(), 6U);
}

TEST(CirclingServer, a_redirect_without_a_url_is_refused) {
  EXPECT_EQ(error_for("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
                      "Content-Length: 0\r\n\r\n")
                .code,
            Errc::protocol);
}

// An address of this machine on its network, if it has one: the nearest thing to a foreign server.
std::optional<std::string> network_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, ::freeifaddrs);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    const bool up = (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_LOOPBACK) == 0;
    if (!up || one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return std::string(text.data());
  }
  return std::nullopt;
}

TEST(LuringServer, a_redirect_from_the_network_reaches_no_address_of_loopback) {
  const auto foreign = network_address();
  if (!foreign) GTEST_SKIP() << "This machine has no network but loopback.";
  std::atomic<int> reached{0};
  TestServer inner([&](HttpRequest, std::stop_token) {
    ++reached;
    return reply_text(200, "secret");
  });
  const std::uint16_t port = std::get<TcpEndpoint>(inner.endpoint()).port;
  for (const char* host : {"0.0.0.0", "[::ffff:127.0.0.1]", "[::]", "[::ffff:0.0.0.0]"}) {
    const std::string lure = fmt::format(
        "HTTP/1.1 302 Found\r\nLocation: http://{}:{}/\r\nContent-Length: 0\r\n\r\n", host, port);
    const ScriptedServer outer({{lure}}, TcpEndpoint{.host = *foreign, .port = 0});
    TestClient client;
    // A kept connection to the same place must not help either.
    const Url direct = parse_url(fmt::format("http://{}:{}/", host, port)).value();
    static_cast<void>(client.get(direct));
    const int before = reached.load();
    const auto reply = client.get(outer.url("/"));
    ASSERT_FALSE(reply.has_value()) << host;
    EXPECT_EQ(reply.error().code, Errc::protocol) << host << ": " << reply.error().message;
    EXPECT_EQ(reached.load(), before) << host;
  }
}

// As the Connector sees it: what a name resolves to counts, not how it is written.
struct Attempt {
  static Task<void> run(Url url, Reach reach, std::shared_ptr<Connector> connector) {
    const Executor executor = co_await asio::this_coro::executor;
    CallGuard guard(executor, {}, SteadyTime::max());
    auto connecting = connector->connect(std::move(url), guard, reach);
    const auto stream = co_await std::move(connecting);
    if (!stream) co_return fail(Error(stream.error()));
    if (!(*stream)->peer_is_local()) co_return fail(Errc::internal, "It calls loopback foreign.");
    co_return Status{};
  }
};

TEST(LuringServer, a_connection_to_the_network_never_ends_on_this_machine) {
  TestServer inner([](HttpRequest, std::stop_token) { return reply_text(200, "secret"); });
  const TempDir folder;
  TestServer local([](HttpRequest, std::stop_token) { return reply_text(200, "secret"); }, {},
                   UnixEndpoint{folder.path() / "s"});
  const std::uint16_t port = std::get<TcpEndpoint>(inner.endpoint()).port;
  IoThread io;
  const auto connector =
      std::make_shared<Connector>(io.executor(), std::chrono::seconds(5), std::string());
  std::vector<Url> urls{local.url("/")};
  for (const char* host : {"127.0.0.1", "127.9.9.9", "0.0.0.0", "localhost", "app.localhost",
                           "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]"}) {
    urls.push_back(parse_url(fmt::format("http://{}:{}/", host, port)).value());
  }
  for (const Url& url : urls) {
    const Status refused = sync_wait(io.executor(), Attempt::run(url, Reach::network, connector));
    ASSERT_FALSE(refused.has_value()) << url.to_string();
    EXPECT_EQ(refused.error().code, Errc::protocol) << url.to_string();
  }
  for (const Url& url : {urls[0], urls[1], urls[3]}) {
    const Status open = sync_wait(io.executor(), Attempt::run(url, Reach::anywhere, connector));
    EXPECT_TRUE(open.has_value()) << url.to_string() << ": " << open.error().message;
  }
}

}  // namespace
}  // namespace accel::net
