// SPDX-License-Identifier: Apache-2.0
// The daemon's listeners over real sockets: who is let in, and what a client that misbehaves costs.
#include "accel/server/api_server.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>

#include "accel/core/async/io.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/file.hpp"
#include "accel/core/random.hpp"
#include "accel/node/settings.hpp"
#include "accel/server/api_frames.hpp"
#include "api_server_fixture.hpp"
#include "method_stream.hpp"

namespace accel::server {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t kMiB = 1U << 20U;

TEST_F(ApiServerTest, takes_the_token_over_tcp_but_not_over_the_home_s_socket) {
  start();
  RawClient stranger = tcp();
  stranger.post("pin.ls", "{}");
  const std::string refused = stranger.read_to_end();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 ")) << refused;
  EXPECT_TRUE(contains(refused, "api.token")) << refused;
  EXPECT_TRUE(contains(refused, "WWW-Authenticate: Bearer\r\n")) << refused;
  RawClient wrong = tcp();
  wrong.post("pin.ls", "{}", "Authorization: Bearer wrong\r\n");
  EXPECT_TRUE(wrong.read_to_end().starts_with("HTTP/1.1 401 "));
  RawClient owner = tcp();
  owner.post("pin.ls", "{}", bearer());
  EXPECT_TRUE(contains(owner.read_answer(), "\"result\""));
  RawClient user = local();
  user.post("pin.ls", "{}");
  EXPECT_TRUE(contains(user.read_answer(), "\"result\""));
  RawClient open = tcp();
  open.post("node.status", "{}");
  EXPECT_TRUE(contains(open.read_answer(), "\"result\""));
}

TEST_F(ApiServerTest, a_client_that_resets_before_it_is_accepted_gets_nothing_done) {
  start();
  const auto path = write_file("secret", 100);
  const std::string cid = add(path, /*only_hash=*/true);
  for (int i = 0; i < 50; ++i) {
    RawClient client = tcp();
    client.post("content.add", json{{"path", path.string()}}.dump());
    client.reset();
  }
  RawClient last = tcp();
  last.post("node.status", "{}");
  EXPECT_TRUE(contains(last.read_answer(), "\"result\""));
  EXPECT_FALSE(has(cid));
}

TEST_F(ApiServerTest, a_stranger_cannot_make_it_hold_a_body) {
  start();
  const std::string big = fmt::format("Content-Length: {}\r\n\r\n", 32 * kMiB);
  for (const auto& [line, status] : {std::pair("POST /api/v1/run", 401),
                                     {"POST /v1/chat/completions", 401},
                                     {"POST /v2/models/a/infer", 401},
                                     {"POST /api/v1/nothing", 400},
                                     {"POST /api/v1/node.status", 400},
                                     {"GET /metrics", 400},
                                     {"POST /elsewhere", 400}}) {
    RawClient client = tcp();
    client.send(fmt::format("{} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}", line, big));
    const std::string reply = client.read_to_end();
    EXPECT_TRUE(reply.starts_with(fmt::format("HTTP/1.1 {} ", status))) << line << ": " << reply;
  }
  RawClient chunked = tcp();
  chunked.send(
      "POST /api/v1/node.status HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_TRUE(chunked.read_to_end().starts_with("HTTP/1.1 400 "));
  RawClient page = tcp();
  page.send("POST /api/v1/run HTTP/1.1\r\nHost: evil.example\r\n" + big);
  EXPECT_TRUE(page.read_to_end().starts_with("HTTP/1.1 403 "));
  RawClient owner = tcp();  // With the token it may be large, and waits to be told so.
  owner.send("POST /api/v1/run HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n" + bearer() +
             big);
  EXPECT_TRUE(owner.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 "));
}

TEST_F(ApiServerTest, a_key_sends_no_more_than_it_may_and_strangers_make_room) {
  net::ServerLimits limits = api_limits();
  limits.max_connections = 4;
  start(limits);
  const std::string key =
      "Authorization: Bearer " + key_of("inference", {{"body_bytes", 1000}}) + "\r\n";
  RawClient large = tcp();
  large.send("POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\n" + key +
             "Content-Length: 1001\r\n\r\n");
  EXPECT_TRUE(large.read_to_end().starts_with("HTTP/1.1 413 "));
  RawClient chunked = tcp();
  chunked.send("POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\n" + key +
               "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(1001, ' '));
  EXPECT_TRUE(chunked.read_to_end().starts_with("HTTP/1.1 413 "));
  std::vector<RawClient> slow;
  for (int i = 0; i < 8; ++i) {
    slow.push_back(tcp());
    slow.back().send("POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 65000\r\n\r\n{");
  }
  RawClient owner = tcp();
  owner.post("pin.ls", "{}", bearer());
  EXPECT_TRUE(contains(owner.read_answer(), "\"result\""));
}

TEST_F(ApiServerTest, a_path_tells_each_of_its_methods_once) {
  start();
  RawClient client = tcp();
  client.send("POST /v2/models/stats HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(contains(client.read_to_end(), "\r\nAllow: GET, HEAD\r\n"));
}

TEST_F(ApiServerTest, stored_pages_do_not_share_the_api_s_origin) {
  start();
  const std::string cid = add(write_file("page.html", 100));
  const std::string get =
      "GET /ipfs/" + cid + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  RawClient api = tcp();
  api.send(get);
  EXPECT_TRUE(api.read_to_end().starts_with("HTTP/1.1 404 "));
  RawClient socket = local();
  socket.send(get);
  EXPECT_TRUE(socket.read_to_end().starts_with("HTTP/1.1 404 "));
  RawClient gateway(port_of(server_->gateway_address()));
  gateway.send(get);
  EXPECT_TRUE(gateway.read_to_end().starts_with("HTTP/1.1 200 "));
}

TEST_F(ApiServerTest, the_page_is_for_browsers_of_this_machine) {
  start();
  const auto answer = [&](std::string_view line, std::string_view fields) {
    RawClient client = tcp();
    client.send(fmt::format("{} HTTP/1.1\r\n{}Connection: close\r\n\r\n", line, fields));
    return client.read_to_end();
  };
  const std::string page = answer("GET /", "Host: 127.0.0.1\r\n");
  EXPECT_TRUE(page.starts_with("HTTP/1.1 200 ")) << page;
  EXPECT_TRUE(contains(page, "Content-Security-Policy: default-src 'none'; script-src 'self';"));
  EXPECT_TRUE(contains(page, "X-Frame-Options: DENY"));
  EXPECT_TRUE(contains(page, "<!doctype html>"));
  EXPECT_FALSE(contains(page, home_.token().value()));
  const std::string head = answer("HEAD /dashboard/main.js", "Host: localhost\r\n");
  EXPECT_TRUE(contains(head, "Content-Type: text/javascript"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  // A name that was rebound to this machine, and a page of somebody else.
  EXPECT_TRUE(answer("GET /", "Host: evil.example\r\n").starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(answer("GET /", "Host: 127.0.0.1\r\nOrigin: http://evil.example\r\n")
                  .starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(answer("POST /", "Host: 127.0.0.1\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(
      answer("GET /dashboard/../api.token", "Host: 127.0.0.1\r\n").starts_with("HTTP/1.1 404 "));
}

TEST_F(ApiServerTest, counts_what_it_answers_by_protocol) {
  start();
  RawClient owner = tcp();
  owner.post("pin.ls", "{}", bearer());
  owner.read_answer();
  RawClient stranger = tcp();
  stranger.send("GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(stranger.read_to_end().starts_with("HTTP/1.1 401 "));
  RawClient asker = tcp();
  asker.send("GET /v1/models/none HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + bearer() +
             "\r\n");
  EXPECT_TRUE(asker.read_to_end().starts_with("HTTP/1.1 404 "));
  RawClient reader = tcp();
  reader.send("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + bearer() +
              "\r\n");
  const std::string text = reader.read_to_end();
  for (const char* const line :
       {"accel_api_requests_total{protocol=\"methods\",status=\"2xx\"} 1\n",
        "accel_api_requests_total{protocol=\"openai\",status=\"4xx\"} 2\n",
        "accel_api_answer_seconds_count{protocol=\"openai\"} 1\n", "process_resident_memory_bytes ",
        "accel_gateway_requests_total"}) {
    EXPECT_TRUE(contains(text, line)) << line << "\n" << text;
  }
}

TEST_F(ApiServerTest, a_client_that_stops_reading_is_cut_and_its_worker_goes_on) {
  net::ServerLimits limits = api_limits();
  limits.stall_timeout = 200ms;
  start(limits, /*workers=*/1);
  const std::string cid = add(write_file("big", 16 * kMiB));
  RawClient lazy = stalled(cid);
  RawClient next = local();
  next.post("pin.ls", "{}");
  EXPECT_TRUE(contains(next.read_answer(), "\"result\""));
  EXPECT_FALSE(contains(lazy.read_to_end(), "\"result\""));  // Nor does it look complete.
}

TEST_F(ApiServerTest, it_stops_although_a_client_does_not_read) {
  net::ServerLimits limits = api_limits();
  limits.drain_timeout = 100ms;
  start(limits);
  const std::string cid = add(write_file("big", 16 * kMiB));
  RawClient lazy = stalled(cid);
  RawClient lazy_too = stalled(cid);
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
  EXPECT_FALSE(contains(lazy.read_to_end(), "\"result\""));
}

TEST_F(ApiServerTest, a_client_that_waits_for_a_quiet_method_is_not_cut) {
  net::ServerLimits limits = api_limits();
  limits.stall_timeout = 100ms;
  limits.header_timeout = limits.idle_timeout = 100ms;
  start(limits);
  // A source that takes the connection and never answers.
  const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(silent.get(), 8), 0);
  ASSERT_EQ(::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const std::string cid = add(write_file("elsewhere", 100), /*only_hash=*/true);
  RawClient client = local();
  const std::string source = fmt::format("http://127.0.0.1:{}", ntohs(address.sin_port));
  client.post("content.pull", json{{"target", cid}, {"sources", {source}}}.dump());
  EXPECT_FALSE(client.is_closed_within(1500ms));
}

TEST_F(ApiServerTest, a_large_file_arrives_whole_at_a_client_that_reads) {
  start();
  const auto path = write_file("big", 16 * kMiB);
  const std::string cid = add(path);
  RawClient client = local();
  client.send("POST /api/v1/content.cat HTTP/1.0\r\nHost: a\r\nContent-Length: " +
              std::to_string(json{{"target", cid}}.dump().size()) + "\r\n\r\n" +
              json{{"target", cid}}.dump());
  const std::string reply = client.read_to_end();
  std::string content;
  FrameReader reader({{}, [&content](ByteView piece) {
                        content += as_text(piece);
                        return Status{};
                      }});
  const std::string frames = reply.substr(reply.find("\r\n\r\n") + 4);
  ASSERT_TRUE(reader.feed(as_bytes(frames)));
  EXPECT_EQ(reader.finish().value().at("bytes"), 16 * kMiB);
  EXPECT_EQ(content, read_text_file(path, 32 * kMiB).value());
}

// Frames of HTTP/2 as a client of gRPC sends them, headers literal (RFC 7541, section 6.2.2).
std::string h2_frame(char type, char flags, const std::string& payload, char stream = 1) {
  const auto size = static_cast<char>(payload.size() & 0xFFU);
  const auto more = static_cast<char>(payload.size() >> 8U);
  return std::string{0, more, size, type, flags, 0, 0, 0, stream} + payload;
}
std::string h2_head(const std::string& path, const std::string& type) {
  const std::pair<std::string, std::string> fields[] = {
      {":method", "POST"},         {":scheme", "http"},    {":path", path},
      {":authority", "127.0.0.1"}, {"content-type", type}, {"te", "trailers"}};
  std::string head;
  for (const auto& [name, value] : fields) {
    head += std::string{0, static_cast<char>(name.size())} + name;
    head += static_cast<char>(value.size()) + value;
  }
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, {}, 0) + h2_frame(1, 4, head);
}
std::string h2_request(const std::string& method) {
  const std::string empty_message(5, '\0');
  return h2_head("/inference.GRPCInferenceService/" + method, "application/grpc") +
         h2_frame(0, 1, empty_message);
}

TEST_F(ApiServerTest, grpc_is_answered_on_the_api_s_port_and_asks_for_the_token) {
  start();
  const std::string alive{0, 0, 0, 0, 2, 0x08, 1};  // A frame with ServerLiveResponse{live: true}.
  RawClient open = tcp();
  open.send(h2_request("ServerLive"));
  EXPECT_TRUE(contains(open.read_until(alive), alive));
  RawClient owner = local();
  owner.send(h2_request("ServerReady"));
  EXPECT_TRUE(contains(owner.read_until(alive), alive));
  RawClient stranger = tcp();
  const std::string ping = h2_frame(6, 0, "12345678", 0);
  stranger.send(h2_request("ModelStatistics") + ping);
  const std::string answer = stranger.read_until("12345678");
  EXPECT_TRUE(contains(answer, "12345678"));
  EXPECT_FALSE(contains(answer, std::string{0, 0, 5, 0, 0, 0, 0, 0, 1}));  // No message.
  RawClient old = tcp();
  old.send(
      "POST /inference.GRPCInferenceService/ServerLive HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Content-Type: application/grpc\r\nContent-Length: 5\r\nConnection: close\r\n\r\n01234");
  EXPECT_TRUE(old.read_to_end().starts_with("HTTP/1.1 415 "));
  RawClient large = tcp();
  large.send(
      "POST /inference.GRPCInferenceService/ServerLive HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Content-Length: 33000000\r\n\r\n");
  EXPECT_TRUE(large.read_to_end().starts_with("HTTP/1.1 400 "));
}

TEST_F(ApiServerTest, a_call_of_grpc_that_fails_counts_by_its_error) {
  start();
  RawClient call = local();
  call.send(h2_request("ModelReady"));  // Of no model: INVALID_ARGUMENT, in a head of status 200.
  const std::string end{1, 5, 0, 0, 0, 1};  // HEADERS that end the stream 1.
  EXPECT_TRUE(contains(call.read_until(end), end));
  RawClient reader = tcp();
  reader.send("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + bearer() +
              "\r\n");
  const std::string text = reader.read_to_end();
  EXPECT_TRUE(contains(text, "accel_api_requests_total{protocol=\"grpc\",status=\"4xx\"} 1\n"));
  EXPECT_TRUE(contains(text, "accel_api_requests_total{protocol=\"grpc\",status=\"2xx\"} 0\n"));
}

TEST_F(ApiServerTest, an_idle_stream_of_grpc_ends_at_once_when_the_server_stops) {
  start();
  RawClient client = local();
  client.send(h2_head("/inference.GRPCInferenceService/ModelStreamInfer", "application/grpc") +
              h2_frame(6, 0, "12345678", 0));
  client.read_until("12345678");
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);  // It would be let finish for 5 s.
}

TEST_F(ApiServerTest, a_stranger_s_body_over_http2_without_a_length_is_small_too) {
  start();
  const std::string settings{0, 0, 18, 4};  // The server's.
  RawClient open = tcp();
  open.send(h2_head("/api/v1/node.status", "application/json"));
  open.read_until(settings);
  open.send(h2_frame(4, 1, {}, 0));
  for (int i = 0; i < 5; ++i) open.send(h2_frame(0, 0, std::string(16'384, ' ')));
  EXPECT_TRUE(contains(open.read_until("too large"), "too large"));
  RawClient method = tcp();  // The head alone: it is refused before the body.
  method.send(h2_head("/inference.GRPCInferenceService/ServerLive", "application/json"));
  EXPECT_TRUE(contains(method.read_until("application/grpc."), "gRPC is POST"));
}

// The method's own threads, over a socket that nobody reads.
TEST(MethodOverASocket, progress_never_waits_for_a_client_and_stays_before_the_result) {
  constexpr int kSteps = 20'000;
  std::atomic<bool> made{false};
  IoThread io;
  OffloadPool pool(1);
  const MethodCall method = [&made](const node::EventSink& sink, std::stop_token) -> Result<json> {
    for (int i = 1; i <= kSteps; ++i) {
      const json step{{"step", i}, {"padding", std::string(1000, 'x')}};
      sink({&step, {}});
    }
    made = true;
    return json("done");
  };
  struct Answer {
    static Task<net::HttpResponse> stream(OffloadPool& on, MethodCall call, std::stop_token stop) {
      net::HttpResponse response;
      net::StreamBody body;
      body.write = [&on, call, stop](net::BodyWriter& writer) {
        return stream_method(on, call, stop, writer);
      };
      response.body = std::move(body);
      co_return response;
    }
  };
  const auto handler = [&](net::HttpRequest, std::stop_token stop) {
    return Answer::stream(pool, method, std::move(stop));
  };
  const auto server = net::HttpServer::listen(io.executor(), net::TcpEndpoint{}, handler).value();
  RawClient client(std::get<net::TcpEndpoint>(server->local()).port);
  client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 2000 && !made; ++i) ::poll(nullptr, 0, 10);
  ASSERT_TRUE(made.load());
  const std::string reply = client.read_to_end();
  const std::string frames = reply.substr(reply.find("\r\n\r\n") + 4);
  int steps = 0;
  int last = 0;
  FrameReader reader({[&](const json& step) {
                        ++steps;
                        EXPECT_GT(step.at("step").get<int>(), last);
                        last = step.at("step").get<int>();
                      },
                      {}});
  ASSERT_TRUE(reader.feed(as_bytes(frames)));
  EXPECT_EQ(reader.finish().value(), json("done"));
  EXPECT_EQ(last, kSteps);
  EXPECT_LT(steps, kSteps);
}

}  // namespace
}  // namespace accel::server
