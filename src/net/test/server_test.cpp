// SPDX-License-Identifier: Apache-2.0
// The server over real sockets on loopback: what a well-behaved client sees.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/random.hpp"
#include "support.hpp"

namespace accel::net {
namespace {

using std::chrono::milliseconds;

Task<HttpResponse> echo(HttpRequest request, std::stop_token) {
  std::string text = request.method + " " + request.path + "?" + request.query + " " + request.body;
  co_return text_response(200, std::move(text));
}

Task<HttpResponse> echo_nothing(HttpRequest, std::stop_token) { co_return HttpResponse{}; }

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(HttpServer, answers_requests_of_one_connection_in_order) {
  TestServer server(echo);
  RawClient client(server.endpoint());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /" + std::to_string(i) + "?q HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string reply = client.read_response();
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 OK\r\n")) << reply;
    EXPECT_TRUE(reply.ends_with("GET /" + std::to_string(i) + "?q ")) << reply;
  }
  EXPECT_EQ(server->stats().requests, 3U);
  EXPECT_EQ(server->stats().connections, 1U);
}

TEST(HttpServer, answers_pipelined_requests_one_after_the_other) {
  TestServer server(echo);
  RawClient client(server.endpoint());
  std::string burst;
  for (int i = 0; i < 50; ++i) {
    burst += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
  }
  ASSERT_TRUE(client.send(burst));
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(client.read_response().ends_with("POST /" + std::to_string(i) + "? ab")) << i;
  }
}

TEST(HttpServer, a_tunnel_carries_the_next_requests_also_for_old_clients) {
  const auto proxy = [](HttpRequest request, std::stop_token stop) -> Task<HttpResponse> {
    return request.method == "CONNECT" ? echo_nothing(std::move(request), std::move(stop))
                                       : echo(std::move(request), std::move(stop));
  };
  TestServer server(proxy);
  for (const char* version : {"1.0", "1.1"}) {
    RawClient client(server.endpoint());
    client.send(fmt::format("CONNECT elsewhere.example:443 HTTP/{}\r\nHost: x\r\n\r\n", version));
    const std::string opened = client.read_until("\r\n\r\n");
    EXPECT_TRUE(opened.starts_with("HTTP/1.1 200 ")) << opened;
    EXPECT_FALSE(contains(opened, "Content-Length")) << opened;
    client.send("GET /inside HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(client.read_response().ends_with("GET /inside? ")) << version;
  }
}

std::optional<ReadyResponse> ready_for(const HttpRequest& request) {
  if (!request.path.starts_with("/ready")) return std::nullopt;
  const std::size_t size = request.path == "/ready-large" ? 8U << 20U : 3U;
  return ReadyResponse{"X-Kind: ready\r\n", std::make_shared<const Bytes>(size, 'r'), nullptr};
}

TEST(HttpServer, a_ready_answer_goes_before_the_handler_and_stays_in_order) {
  TestServer server(echo, {}, TcpEndpoint{}, {}, {}, ready_for);
  RawClient client(server.endpoint());
  std::string burst;
  for (int i = 0; i < 200; ++i) {
    burst +=
        fmt::format("GET /{}{} HTTP/1.1\r\nHost: a\r\n\r\n", i % 3 == 0 ? "other" : "ready", i);
  }
  ASSERT_TRUE(client.send(burst));
  for (int i = 0; i < 200; ++i) {
    const std::string reply = client.read_response();
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << reply;
    EXPECT_EQ(contains(reply, "X-Kind: ready\r\n"), i % 3 != 0) << reply;
    EXPECT_TRUE(i % 3 == 0 || reply.ends_with("Connection: keep-alive\r\n\r\nrrr")) << reply;
  }
  EXPECT_EQ(server->stats().requests, 200U);
}

TEST(HttpServer, only_a_get_without_a_body_has_a_ready_answer) {
  TestServer server(echo, {}, TcpEndpoint{}, {}, {}, ready_for);
  RawClient client(server.endpoint());
  client.send("POST /ready HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_TRUE(client.read_response().ends_with("POST /ready? x"));
  client.send("GET /ready HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_TRUE(client.read_response().ends_with("GET /ready? x"));
}

TEST(HttpServer, a_ready_answer_that_the_client_takes_slowly_arrives_whole) {
  TestServer server(echo, {}, TcpEndpoint{}, {}, {}, ready_for);
  const std::string reply = send_and_read(
      server.endpoint(), "GET /ready-large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(contains(reply, "Connection: close\r\n\r\nrrr"));
  EXPECT_EQ(reply.size() - reply.find("\r\n\r\n") - 4, 8U << 20U);
}

TEST(HttpServer, closes_when_the_client_wants_it) {
  TestServer server(echo);
  const std::string reply =
      send_and_read(server.endpoint(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(contains(reply, "Connection: close")) << reply;
  const std::string old = send_and_read(server.endpoint(), "GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(contains(old, "Connection: close")) << old;
}

TEST(HttpServer, head_gets_the_length_and_no_body) {
  TestServer server(echo);
  RawClient client(server.endpoint());
  client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(contains(head, "Content-Length: 9")) << head;
  EXPECT_TRUE(client.read_response().ends_with("GET /y? "));
}

TEST(HttpServer, tells_a_waiting_client_to_send_its_body) {
  TestServer server(echo);
  RawClient client(server.endpoint());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ab");
  EXPECT_TRUE(client.read_response().ends_with("POST /? ab"));
}

TEST(HttpServer, refuses_a_body_before_it_is_sent) {
  TestServer server(echo, {.max_body_bytes = 10});
  const std::string reply = send_and_read(
      server.endpoint(),
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 413 ")) << reply;
  EXPECT_FALSE(contains(reply, "100 Continue"));
}

Status wants_a_key(const HttpRequest& head) {
  if (head.over_unix_socket || head.headers.has("X-Key")) return {};
  return fail(Errc::unauthenticated, "A key is needed, {}.", head.remote.substr(0, 10));
}

TEST(HttpServer, a_head_that_is_not_admitted_is_refused_before_its_body_is_sent) {
  std::atomic<int> handled{0};
  const HttpHandler handler = [&](HttpRequest, std::stop_token) {
    ++handled;
    return reply_text(200, "in");
  };
  TestServer server(handler, {}, TcpEndpoint{}, wants_a_key);
  for (const char* more : {"", "Expect: 100-continue\r\n"}) {
    const std::string reply = send_and_read(
        server.endpoint(), fmt::format("POST / HTTP/1.1\r\nHost: a\r\n{}Content-Length: "
                                       "1000000\r\n\r\n",
                                       more));
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 401 ")) << reply;
    EXPECT_TRUE(contains(reply, "Connection: close")) << reply;
    EXPECT_TRUE(contains(reply, "A key is needed, 127.0.0.1:.")) << reply;
    EXPECT_FALSE(contains(reply, "100 Continue")) << reply;
  }
  EXPECT_EQ(handled.load(), 0);
}

TEST(HttpServer, every_request_of_a_connection_is_admitted_by_its_own_head) {
  TestServer server(echo, {}, TcpEndpoint{}, wants_a_key);
  RawClient client(server.endpoint());
  client.send("POST /1 HTTP/1.1\r\nHost: a\r\nX-Key: 1\r\nContent-Length: 2\r\n\r\nab");
  EXPECT_TRUE(client.read_response().ends_with("POST /1? ab"));
  client.send("HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\nX-Key: 1\r\n\r\n");
  const std::string rest = client.read_to_end();
  EXPECT_TRUE(rest.starts_with("HTTP/1.1 401 ")) << rest;
  EXPECT_TRUE(rest.ends_with("\r\n\r\n")) << rest;
}

TEST(HttpServer, a_check_that_throws_ends_only_its_own_connection) {
  const HeadCheck broken = [](const HttpRequest& head) -> Status {
    if (head.path == "/bad") throw std::runtime_error("broken");
    return {};
  };
  TestServer server(echo, {}, TcpEndpoint{}, broken);
  const std::string bad = send_and_read(server.endpoint(), "GET /bad HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(bad.starts_with("HTTP/1.1 500 ")) << bad;
  RawClient client(server.endpoint());
  client.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.read_response().ends_with("GET /good? "));
}

// A file of n patterned bytes.
struct PatternFile {
  explicit PatternFile(std::size_t size) : bytes(size) {
    SeededRandom random(7);
    random.fill(bytes);
    const auto path = folder.path() / "data";
    EXPECT_TRUE(write_file_atomic(path, bytes).has_value());
    fd = std::make_shared<const UniqueFd>(open_file(path, O_RDONLY).value());
  }
  TempDir folder;
  Bytes bytes;
  std::shared_ptr<const UniqueFd> fd;
};

Task<HttpResponse> slices_of(std::shared_ptr<PatternFile> file) {
  HttpResponse response;
  const std::uint64_t half = file->bytes.size() / 2;
  std::vector<FileSlice> slices;
  slices.push_back({file->fd, half, file->bytes.size() - half});
  slices.push_back({file->fd, 0, half});
  response.body = std::move(slices);
  co_return response;
}

TEST(HttpServer, sends_slices_of_files_in_the_order_given) {
  const auto file = std::make_shared<PatternFile>(9'000'001);
  TestServer server([file](HttpRequest, std::stop_token) { return slices_of(file); });
  TestClient client;
  Bytes got(file->bytes.size());
  const auto reply = client.get_into(server.url("/"), got);
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body_bytes, file->bytes.size());
  const std::size_t half = file->bytes.size() / 2;
  EXPECT_TRUE(std::equal(got.begin(), got.end() - static_cast<long>(half),
                         file->bytes.begin() + static_cast<long>(half)));
  EXPECT_TRUE(std::equal(got.end() - static_cast<long>(half), got.end(), file->bytes.begin()));
  EXPECT_TRUE(eventually([&] { return server->stats().body_bytes_sent == got.size(); }));
}

Task<HttpResponse> slice_beyond_the_end(std::shared_ptr<PatternFile> file) {
  HttpResponse response;
  std::vector<FileSlice> slices;
  slices.push_back({file->fd, 0, file->bytes.size() + 1});
  response.body = std::move(slices);
  co_return response;
}

TEST(HttpServer, a_file_that_is_shorter_than_promised_cuts_the_connection) {
  const auto file = std::make_shared<PatternFile>(1000);
  TestServer server([file](HttpRequest, std::stop_token) { return slice_beyond_the_end(file); });
  const std::string reply = send_and_read(server.endpoint(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(contains(reply, "Content-Length: 1001"));
  EXPECT_EQ(reply.size() - reply.find("\r\n\r\n") - 4, 1000U);
}

Task<void> write_three(BodyWriter& writer) {
  for (int i = 0; i < 3; ++i) {
    std::string line = "line " + std::to_string(i) + "\n";
    const Status written = co_await writer.write(std::move(line));
    if (!written) co_return written;
    const Status empty = co_await writer.write({});  // Must not end the body.
    if (!empty) co_return empty;
  }
  co_return Status{};
}

Task<HttpResponse> stream(std::function<Task<void>(BodyWriter&)> write,
                          std::optional<std::uint64_t> length) {
  HttpResponse response;
  response.body = StreamBody{std::move(write), length};
  co_return response;
}

TEST(HttpServer, streams_a_body_in_chunks) {
  TestServer server([](HttpRequest, std::stop_token) { return stream(write_three, {}); });
  const std::string reply =
      send_and_read(server.endpoint(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(contains(reply, "Transfer-Encoding: chunked"));
  EXPECT_TRUE(
      reply.ends_with("\r\n\r\n7\r\nline 0\n\r\n7\r\nline 1\n\r\n7\r\nline 2\n\r\n0\r\n\r\n"))
      << reply;
}

TEST(HttpServer, streams_plainly_to_http_1_0) {
  TestServer server([](HttpRequest, std::stop_token) { return stream(write_three, {}); });
  const std::string reply = send_and_read(server.endpoint(), "GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(reply.ends_with("\r\n\r\nline 0\nline 1\nline 2\n")) << reply;
}

TEST(HttpServer, a_stream_with_a_length_must_keep_it) {
  TestServer right([](HttpRequest, std::stop_token) { return stream(write_three, 21); });
  TestServer less([](HttpRequest, std::stop_token) { return stream(write_three, 22); });
  TestServer more([](HttpRequest, std::stop_token) { return stream(write_three, 20); });
  TestClient client;
  EXPECT_EQ(client.get(right.url("/"))->body, "line 0\nline 1\nline 2\n");
  EXPECT_EQ(client.get(less.url("/")).error().code, Errc::unavailable);
  EXPECT_EQ(client.get(more.url("/")).error().code, Errc::unavailable);
}

Task<void> fail_in_the_middle(BodyWriter& writer) {
  const Status written = co_await writer.write("begun");
  if (!written) co_return written;
  co_return fail(Errc::corrupt, "The disk broke.");
}

TEST(HttpServer, a_stream_that_fails_is_seen_as_cut_by_the_client) {
  TestServer server([](HttpRequest, std::stop_token) { return stream(fail_in_the_middle, {}); });
  TestClient client;
  const auto reply = client.get(server.url("/"));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::unavailable);
}

Task<void> send_file(std::shared_ptr<PatternFile> file, BodyWriter& writer) {
  for (int i = 0; i < 3; ++i) {
    FileSlice slice{file->fd, 10, 100'000};
    const Status sent = co_await writer.send(std::move(slice));
    if (!sent) co_return sent;
  }
  co_return Status{};
}

TEST(HttpServer, a_stream_may_send_slices_of_files) {
  const auto file = std::make_shared<PatternFile>(200'000);
  const std::function<Task<void>(BodyWriter&)> body = [file](BodyWriter& writer) {
    return send_file(file, writer);
  };
  TestServer server([body](HttpRequest, std::stop_token) { return stream(body, {}); });
  TestClient client;
  const auto reply = client.get(server.url("/"));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  const std::string one(as_text(ByteView(file->bytes).subspan(10, 100'000)));
  EXPECT_TRUE(reply->body == one + one + one);
}

Task<HttpResponse> fail_with(Errc code) { co_return fail(code, "The sentence of the error."); }

TEST(HttpServer, an_error_of_the_handler_becomes_its_status) {
  TestServer server([](HttpRequest, std::stop_token) { return fail_with(Errc::not_found); });
  TestClient client;
  const auto reply = client.get(server.url("/"));
  EXPECT_EQ(reply->status, 404);
  EXPECT_EQ(reply->body, "The sentence of the error.\n");
}

Task<HttpResponse> throws() {
  throw std::runtime_error("secret details");
  co_return HttpResponse{};
}

TEST(HttpServer, an_exception_of_the_handler_ends_the_request_only) {
  TestServer server([](HttpRequest, std::stop_token) { return throws(); });
  TestClient client;
  for (int i = 0; i < 2; ++i) {
    const auto reply = client.get(server.url("/"));
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->status, 500);
    EXPECT_EQ(reply->body.find("secret"), std::string::npos);
  }
}

Task<HttpResponse> bad_header() {
  HttpResponse response = text_response(200, "x");
  response.headers.add("X-Path", "a\r\nSet-Cookie: b");
  co_return response;
}

TEST(HttpServer, a_header_that_would_split_the_response_becomes_a_500) {
  TestServer server([](HttpRequest, std::stop_token) { return bad_header(); });
  TestClient client;
  const auto reply = client.get(server.url("/"));
  EXPECT_EQ(reply->status, 500);
  EXPECT_FALSE(reply->headers.has("Set-Cookie"));
}

struct Seen {
  std::atomic<bool> started{false};
  std::atomic<bool> stopped{false};
};

// Works until its token is stopped.
Task<HttpResponse> until_stopped(std::shared_ptr<Seen> seen, std::stop_token stop) {
  seen->started = true;
  while (!stop.stop_requested()) {
    const Status slept = co_await delay(milliseconds(5));
    if (!slept) break;
  }
  seen->stopped = true;
  co_return fail(Errc::cancelled, "The work was stopped.");
}

HttpHandler waits_for_stop(const std::shared_ptr<Seen>& seen) {
  return [seen](HttpRequest, std::stop_token stop) { return until_stopped(seen, std::move(stop)); };
}

TEST(HttpServer, a_client_that_leaves_stops_its_request) {
  const auto seen = std::make_shared<Seen>();
  TestServer server(waits_for_stop(seen));
  RawClient client(server.endpoint());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return seen->started.load(); }));
  client.close();
  EXPECT_TRUE(eventually([&] { return seen->stopped.load(); }));
  EXPECT_TRUE(eventually([&] { return server->stats().open_connections == 0; }));
}

TEST(HttpServer, a_request_that_takes_too_long_gets_503) {
  const auto seen = std::make_shared<Seen>();
  TestServer server(waits_for_stop(seen), {.request_timeout = milliseconds(50)});
  const std::string reply = send_and_read(server.endpoint(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 503 ")) << reply;
  EXPECT_TRUE(seen->stopped.load());
  EXPECT_EQ(server->stats().timeouts, 1U);
}

// Ignores its token, but not its cancellation.
Task<HttpResponse> deaf(std::shared_ptr<Seen> seen) {
  seen->started = true;
  const Status slept = co_await delay(std::chrono::hours(1));
  static_cast<void>(slept);
  co_return text_response(200, "late");
}

TEST(HttpServer, a_handler_that_ignores_its_token_is_cancelled_after_its_grace) {
  const auto seen = std::make_shared<Seen>();
  TestServer server([seen](HttpRequest, std::stop_token) { return deaf(seen); },
                    {.request_timeout = milliseconds(20)});
  RawClient client(server.endpoint());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.read_to_end();
  EXPECT_TRUE(eventually([&] { return server->stats().open_connections == 0; }));
}

TEST(HttpServer, stop_lets_running_requests_finish) {
  const auto seen = std::make_shared<Seen>();
  struct Slow {
    static Task<HttpResponse> answer(std::shared_ptr<Seen> state) {
      state->started = true;
      const Status slept = co_await delay(milliseconds(150));
      if (!slept) co_return fail(Errc::cancelled, "Cancelled.");
      co_return text_response(200, "finished");
    }
  };
  TestServer server([seen](HttpRequest, std::stop_token) { return Slow::answer(seen); });
  RawClient idle(server.endpoint());
  RawClient busy(server.endpoint());
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return seen->started.load(); }));
  server->stop();
  const std::string reply = busy.read_to_end();
  EXPECT_TRUE(reply.ends_with("finished")) << reply;
  EXPECT_TRUE(contains(reply, "Connection: close"));
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_EQ(server->stats().open_connections, 0U);
}

TEST(HttpServer, stop_stops_what_does_not_finish_in_time) {
  const auto seen = std::make_shared<Seen>();
  TestServer server(waits_for_stop(seen), {.drain_timeout = milliseconds(50)});
  RawClient client(server.endpoint());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return seen->started.load(); }));
  server->stop();
  EXPECT_TRUE(seen->stopped.load());
  server->stop();  // Again: nothing happens.
}

TEST(HttpServer, listens_on_a_unix_socket) {
  const TempDir folder;
  TestServer server(echo, {}, UnixEndpoint{folder.path() / "api.sock"});
  TestClient client;
  HttpCall call;
  call.method = "POST";
  call.body = "hello";
  const auto reply = client.get(server.url("/api/v1/status?x"), std::move(call));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body, "POST /api/v1/status?x hello");
}

Task<HttpResponse> who(HttpRequest request, std::stop_token) {
  co_return text_response(200, request.remote + (request.over_unix_socket ? " unix" : " tcp"));
}

TEST(HttpServer, tells_the_handler_where_a_request_came_from) {
  const TempDir folder;
  TestServer tcp(who);
  TestServer local(who, {}, UnixEndpoint{folder.path() / "s"});
  TestClient client;
  const std::string over_tcp = client.get(tcp.url("/"))->body;
  EXPECT_TRUE(over_tcp.starts_with("127.0.0.1:")) << over_tcp;
  EXPECT_TRUE(over_tcp.ends_with(" tcp"));
  EXPECT_EQ(client.get(local.url("/"))->body, "unix unix");
}

TEST(HttpServer, makes_room_for_a_new_client_by_ending_an_idle_one) {
  TestServer server(echo, {.max_connections = 2});
  RawClient first(server.endpoint());
  first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  first.read_response();
  RawClient second(server.endpoint());
  second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  second.read_response();
  RawClient third(server.endpoint());
  third.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(third.read_response().ends_with("GET /3? "));
  EXPECT_EQ(first.read_to_end(), "");
}

TEST(HttpServer, makes_room_for_a_whole_request_by_ending_one_that_never_comes) {
  TestServer server(echo, {.max_connections = 2});
  RawClient first(server.endpoint());
  first.send("GET /slow HT");
  RawClient second(server.endpoint());
  second.send("GET /slower HT");
  RawClient third(server.endpoint());
  third.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(third.read_response().ends_with("GET /3? "));
}

TEST(HttpServer, refuses_more_clients_than_it_may_have_when_all_are_busy) {
  const auto seen = std::make_shared<Seen>();
  TestServer server(waits_for_stop(seen),
                    {.max_connections = 1, .drain_timeout = milliseconds(20)});
  RawClient busy(server.endpoint());
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return seen->started.load(); }));
  RawClient refused(server.endpoint());
  EXPECT_TRUE(refused.read_to_end().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(server->stats().refused_connections, 1U);
}

}  // namespace
}  // namespace accel::net
