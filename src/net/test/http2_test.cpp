// SPDX-License-Identifier: Apache-2.0
// HTTP/2 over real sockets: nghttp2's own client side as the peer, frame by frame, and curl's. What
// a hostile client does is sent as raw bytes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <thread>

#include "accel/core/random.hpp"
#include "http2_session.hpp"
#include "support.hpp"

namespace accel::net {
namespace {

using namespace std::chrono_literals;

struct Answer {
  std::map<std::string, std::string> headers;
  std::string body;
  std::optional<std::uint32_t> closed_with;  // The error code of the end of the stream.
};

// A client over one connection that sends what the test submits and collects the answers.
class H2Client {
 public:
  explicit H2Client(const Endpoint& endpoint) : raw_(endpoint) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &on_close);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 0);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~H2Client() { nghttp2_session_del(session_); }
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  StreamId get(const std::string& path, const std::string& method = "GET") {
    const auto list = fields(method, path);
    return nghttp2_submit_request(session_, nullptr, list.data(), list.size(), nullptr, nullptr);
  }
  StreamId post(const std::string& path, std::string body) {
    body_ = std::move(body);
    nghttp2_data_provider provider{{.ptr = this}, &give_body};
    const std::string method = "POST";
    const auto list = fields(method, path);
    return nghttp2_submit_request(session_, nullptr, list.data(), list.size(), &provider, nullptr);
  }
  void take_back(StreamId stream) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  }

  std::size_t unsent() const { return body_.size(); }

  // Sends and receives until the stream is closed, or the connection is.
  Answer& wait(StreamId stream) {
    flush();
    while (!answers_[stream].closed_with && receive()) flush();
    return answers_[stream];
  }
  void flush() {
    const std::uint8_t* bytes = nullptr;
    ssize_t size = 0;
    while ((size = nghttp2_session_mem_send(session_, &bytes)) > 0) {
      raw_.send({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
    }
  }
  bool receive() {
    std::array<std::uint8_t, 65536> bytes{};
    const ssize_t count = ::recv(raw_.fd(), bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    return nghttp2_session_mem_recv(session_, bytes.data(), static_cast<std::size_t>(count)) > 0;
  }

 private:
  // Borrows from its arguments.
  static std::vector<nghttp2_nv> fields(const std::string& method, const std::string& path) {
    static const std::string kNames[] = {":method", ":path", ":scheme", ":authority"};
    static const std::string kScheme = "http", kHost = "test";
    const std::string* values[] = {&method, &path, &kScheme, &kHost};
    std::vector<nghttp2_nv> list;
    for (std::size_t i = 0; i < 4; ++i) {
      auto bytes = [](const std::string& text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
      };
      list.push_back({bytes(kNames[i]), bytes(*values[i]), kNames[i].size(), values[i]->size(),
                      NGHTTP2_NV_FLAG_NONE});
    }
    return list;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* self) {
    static_cast<H2Client*>(self)->answers_[frame->hd.stream_id].headers[{name, name + name_size}] =
        {value, value + value_size};
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                     std::size_t size, void* self) {
    static_cast<H2Client*>(self)->answers_[stream].body.append(bytes, bytes + size);
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* self) {
    static_cast<H2Client*>(self)->answers_[stream].closed_with = code;
    return 0;
  }
  static ssize_t give_body(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto* self = static_cast<H2Client*>(source->ptr);
    const std::size_t part = std::min(size, self->body_.size());
    self->body_.copy(reinterpret_cast<char*>(out), part);
    self->body_.erase(0, part);
    if (self->body_.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(part);
  }

  RawClient raw_;
  nghttp2_session* session_ = nullptr;
  std::map<StreamId, Answer> answers_;
  std::string body_;
};

Task<HttpResponse> echo(HttpRequest request, std::stop_token) {
  std::string text = request.method + " " + request.target + " " +
                     std::string(request.headers.get_or("Host", "")) + " " +
                     std::to_string(request.body.size());
  co_return text_response(200, std::move(text));
}

std::shared_ptr<const UniqueFd> open_file(const std::filesystem::path& path) {
  return std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

TEST(Http2, answers_requests_side_by_side) {
  TestServer server(echo);
  H2Client client(server.endpoint());
  const StreamId first = client.get("/a?b");
  const StreamId second = client.post("/c", std::string(300'000, 'x'));
  EXPECT_EQ(client.wait(first).body, "GET /a?b test 0");
  EXPECT_EQ(client.wait(second).body, "POST /c test 300000");
  EXPECT_EQ(client.wait(first).headers[":status"], "200");
  EXPECT_EQ(client.wait(first).headers["content-length"], "15");
}

TEST(Http2, sends_file_slices_and_no_body_to_head) {
  const TempDir folder;
  Bytes content(5'000'000);
  system_random().fill(content);
  const auto path = folder.path() / "file";
  ASSERT_TRUE(write_file_atomic(path, content).has_value());
  TestServer server([&](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    HttpResponse response;
    const auto fd = open_file(path);
    response.body = std::vector<FileSlice>{{fd, 1000, 4'000'000}, {fd, 0, 10}};
    co_return response;
  });
  H2Client client(server.endpoint());
  const Answer& got = client.wait(client.get("/"));
  ASSERT_EQ(got.body.size(), 4'000'010U);
  EXPECT_EQ(got.body.substr(0, 4'000'000), as_text(ByteView(content).subspan(1000, 4'000'000)));
  EXPECT_EQ(got.body.substr(4'000'000), as_text(ByteView(content).first(10)));
  const Answer& head = client.wait(client.get("/", "HEAD"));
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.closed_with, NGHTTP2_NO_ERROR);
}

TEST(Http2, streams_a_body_no_faster_than_the_client_reads) {
  std::atomic<int> written{0};
  TestServer server([&](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    HttpResponse response;
    response.body = StreamBody{[&written](BodyWriter& writer) -> Task<void> {
                                 for (int i = 0; i < 200; ++i) {
                                   const Status sent =
                                       co_await writer.write(std::string(50'000, 'y'));
                                   if (!sent) co_return sent;
                                   ++written;
                                 }
                                 co_return Status{};
                               },
                               {}};
    co_return response;
  });
  H2Client client(server.endpoint());
  const StreamId stream = client.get("/");
  client.flush();
  ASSERT_TRUE(eventually([&] { return written.load() >= 1; }));
  std::this_thread::sleep_for(50ms);
  EXPECT_LT(written.load(), 100);  // The client has granted 64 KiB; the queue holds a little more.
  EXPECT_EQ(client.wait(stream).body.size(), 10'000'000U);
}

TEST(Http2, resets_a_stream_whose_body_fails) {
  TestServer server([](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    HttpResponse response;
    response.body = StreamBody{[](BodyWriter& writer) -> Task<void> {
                                 const Status sent = co_await writer.write("half");
                                 if (!sent) co_return sent;
                                 co_return fail(Errc::io, "The disk is gone.");
                               },
                               {}};
    co_return response;
  });
  H2Client client(server.endpoint());
  EXPECT_EQ(client.wait(client.get("/")).closed_with, NGHTTP2_INTERNAL_ERROR);
  EXPECT_EQ(client.wait(client.get("/")).closed_with, NGHTTP2_INTERNAL_ERROR);  // It goes on.
}

TEST(Http2, resets_a_stream_whose_head_is_too_large_to_send) {
  TestServer server([](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    HttpResponse response = text_response(302, "far");
    response.headers.add("Location", "/" + std::string(200'000, 'x'));
    co_return response;
  });
  H2Client client(server.endpoint());
  EXPECT_EQ(client.wait(client.get("/")).closed_with, NGHTTP2_INTERNAL_ERROR);
}

TEST(Http2, stops_the_handler_of_a_request_that_was_taken_back) {
  std::atomic<bool> stopped{false};
  TestServer server([&](HttpRequest request, std::stop_token stop) -> Task<HttpResponse> {
    if (request.path == "/wait") {
      while (!stop.stop_requested()) {
        const Status slept = co_await delay(5ms);
        if (!slept) break;
      }
      stopped = true;
    }
    co_return text_response(200, "done");
  });
  H2Client client(server.endpoint());
  const StreamId stream = client.get("/wait");
  client.flush();
  EXPECT_EQ(client.wait(client.get("/quick")).body, "done");
  client.take_back(stream);
  client.flush();
  EXPECT_TRUE(eventually([&] { return stopped.load(); }));
  EXPECT_EQ(client.wait(client.get("/quick")).body, "done");
}

TEST(Http2, refuses_by_the_head_before_the_body_is_read) {
  std::atomic<int> handled{0};
  const auto handler = [&handled](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    ++handled;
    co_return text_response(200, "in");
  };
  TestServer server(handler, {}, TcpEndpoint{}, [](const HttpRequest& head) -> Status {
    if (head.path == "/open") return {};
    return fail(Errc::unauthenticated, "No token.");
  });
  H2Client client(server.endpoint());
  EXPECT_EQ(client.wait(client.post("/shut", std::string(1'000'000, 'x'))).headers[":status"],
            "401");
  EXPECT_EQ(client.wait(client.get("/open")).body, "in");
  EXPECT_EQ(handled.load(), 1);
}

TEST(Http2, bounds_heads_and_bodies) {
  ServerLimits limits;
  limits.max_header_bytes = 8192;
  limits.max_body_bytes = 100'000;
  TestServer server(echo, limits);
  {
    H2Client client(server.endpoint());
    EXPECT_EQ(client.wait(client.post("/", std::string(300'000, 'x'))).headers[":status"], "413");
  }
  H2Client client(server.endpoint());
  EXPECT_EQ(client.wait(client.get("/" + std::string(9000, 'p'))).headers[":status"], "431");
}

TEST(Http2, gives_a_late_handler_503) {
  ServerLimits limits;
  limits.request_timeout = 50ms;
  TestServer server(
      [](HttpRequest, std::stop_token) -> Task<HttpResponse> {
        const Status slept = co_await delay(10s);
        if (!slept) co_return fail(Error(slept.error()));
        co_return text_response(200, "late");
      },
      limits);
  H2Client client(server.endpoint());
  EXPECT_EQ(client.wait(client.get("/")).headers[":status"], "503");
}

TEST(Http2, cuts_a_client_that_grants_no_window) {
  ServerLimits limits;
  limits.stall_timeout = 100ms;
  TestServer server(
      [](HttpRequest, std::stop_token) -> Task<HttpResponse> {
        co_return text_response(200, std::string(10'000'000, 'z'));
      },
      limits);
  RawClient client(server.endpoint());
  // A request with END_STREAM and END_HEADERS: GET http / test; and no window update ever.
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  const std::string head("\x82\x86\x84\x41\4test", 9);
  std::string frame("\0\0\x09\1\5\0\0\0\1", 9);
  ASSERT_TRUE(client.send(std::string(kHttp2Preface) + settings + frame + head));
  const std::string got = client.read_to_end();  // Ends, because the server does.
  EXPECT_GT(got.size(), 60'000U);
  EXPECT_LT(got.size(), 80'000U);
}

TEST(Http2, sends_a_client_away_that_resets_without_end) {
  TestServer server(echo);
  H2Client client(server.endpoint());
  bool open = true;
  for (int i = 0; i < 20'000 && open; ++i) {
    const StreamId stream = client.get("/");
    client.flush();
    client.take_back(stream);
    client.flush();
    if (i % 64 == 63) open = client.wait(client.get("/last")).closed_with == NGHTTP2_NO_ERROR;
  }
  EXPECT_FALSE(open);
}

// A server whose requests are all live.
class LiveServer {
 public:
  explicit LiveServer(HttpHandler handler, HeadCheck check = {}, ServerLimits limits = {}) {
    ServerOptions options;
    options.limits = limits;
    options.check_head = std::move(check);
    options.live = [](const HttpRequest& head) { return !head.path.starts_with("/held"); };
    options.body_limit = [](const HttpRequest& head) -> std::uint64_t {
      return head.path == "/held-small" ? 1000 : 100'000'000;
    };
    options.shape = [](const HttpRequest& head, const HttpResponse& refusal,
                       std::optional<Errc> why) {
      const std::string code = why ? fmt::format(" {}", http_status_of(*why)) : "";
      return text_response(200, fmt::format("{} {}{}", head.path, refusal.status, code));
    };
    server_ =
        HttpServer::listen(io_.executor(), TcpEndpoint{}, std::move(handler), options).value();
  }
  const Endpoint& endpoint() const { return server_->local(); }

 private:
  IoThread io_;
  std::unique_ptr<HttpServer> server_;
};

Task<void> send_back(std::shared_ptr<BodySource> source, std::shared_ptr<Headers> trailers,
                     BodyWriter& writer) {
  std::size_t count = 0;
  while (!source->ended()) {
    std::string piece = source->take();
    if (piece.empty()) {
      auto waiting = source->wait();
      const Status waited = co_await std::move(waiting);
      if (!waited) co_return waited;
      continue;
    }
    count += piece.size();
    auto writing = writer.write(std::move(piece));
    const Status written = co_await std::move(writing);
    if (!written) co_return written;
  }
  trailers->add("X-Count", std::to_string(count));
  co_return Status{};
}

Task<HttpResponse> live_echo(HttpRequest request, std::stop_token) {
  HttpResponse response = text_response(200, "");
  auto trailers = std::make_shared<Headers>();
  StreamBody stream;
  stream.write = [source = request.source, trailers](BodyWriter& writer) {
    return send_back(source, trailers, writer);
  };
  response.body = std::move(stream);
  response.trailers = trailers;
  co_return response;
}

TEST(Http2Live, sends_trailers_behind_a_body_and_no_length_before_it) {
  TestServer server([](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    HttpResponse response = text_response(200, "body");
    Headers trailers;
    trailers.add("X-After", "yes");
    trailers.add("Bad Name", "x");
    response.trailers = std::make_shared<Headers>(std::move(trailers));
    co_return response;
  });
  H2Client client(server.endpoint());
  Answer& answer = client.wait(client.get("/"));
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(answer.headers["x-after"], "yes");
  EXPECT_FALSE(answer.headers.contains("content-length"));
  EXPECT_EQ(answer.closed_with, 0U);
  EXPECT_EQ(send_and_read(server.endpoint(), "GET / HTTP/1.0\r\nHost: a\r\n\r\n").find("x-after"),
            std::string::npos);
}

TEST(Http2Live, passes_a_body_on_while_it_comes_and_is_answered_at_once) {
  LiveServer server(live_echo);
  H2Client client(server.endpoint());
  const std::string body(3'000'000, 'x');
  Answer& answer = client.wait(client.post("/", body));
  EXPECT_EQ(answer.body, body);
  EXPECT_EQ(answer.headers["x-count"], "3000000");
  Answer& empty = client.wait(client.get("/"));
  EXPECT_EQ(empty.body, "");
  EXPECT_EQ(empty.headers["x-count"], "0");
  EXPECT_EQ(empty.closed_with, 0U);
}

TEST(Http2Live, holds_a_client_back_whose_body_nobody_reads) {
  std::atomic<bool> cancelled{false};
  LiveServer server([&](HttpRequest request, std::stop_token stop) -> Task<HttpResponse> {
    if (request.path == "/quick") co_return text_response(200, "done");
    while (!stop.stop_requested()) {
      const Status slept = co_await delay(5ms);
      if (!slept) break;
    }
    (void)request.source->take();
    auto waiting = request.source->wait();
    const Status waited = co_await std::move(waiting);
    cancelled = !waited && waited.error().code == Errc::cancelled;
    co_return text_response(200, "late");
  });
  H2Client client(server.endpoint());
  const StreamId stream = client.post("/lazy", std::string(3'000'000, 'x'));
  EXPECT_EQ(client.wait(client.get("/quick")).body, "done");  // Others of the connection go on.
  EXPECT_EQ(client.wait(client.get("/quick")).body, "done");
  EXPECT_GE(client.unsent(), 3'000'000U - 256 * 1024U);
  client.take_back(stream);
  client.flush();
  EXPECT_TRUE(eventually([&] { return cancelled.load(); }));
}

TEST(Http2Live, may_answer_without_the_rest_of_the_body) {
  LiveServer server([](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    co_return text_response(200, "enough");
  });
  H2Client client(server.endpoint());
  Answer& answer = client.wait(client.post("/", std::string(3'000'000, 'x')));
  EXPECT_EQ(answer.body, "enough");
  EXPECT_EQ(answer.closed_with, 0U);
  EXPECT_EQ(client.wait(client.get("/")).body, "enough");
}

TEST(Http2Live, a_refusal_speaks_the_protocol_of_its_head) {
  LiveServer server(live_echo, [](const HttpRequest& head) -> Status {
    if (head.path != "/shut") return {};
    return fail(Errc::unauthenticated, "No.");
  });
  H2Client client(server.endpoint());
  EXPECT_EQ(client.wait(client.get("/shut")).body, "/shut 401");
  Answer& large = client.wait(client.post("/held", std::string(9'000'000, 'x')));
  EXPECT_EQ(large.body, "/held 413");
}

TEST(Http2Live, so_does_the_failure_of_a_handler) {
  ServerLimits limits;
  limits.request_timeout = 50ms;
  LiveServer server(
      [](HttpRequest request, std::stop_token) -> Task<HttpResponse> {
        if (request.path == "/broken") throw std::runtime_error("A bug.");
        if (request.path == "/none") co_return fail(Errc::not_found, "None.");
        auto sleeping = delay(10s);
        const Status slept = co_await std::move(sleeping);
        if (!slept) co_return fail(Error(slept.error()));
        co_return text_response(200, "late");
      },
      {}, limits);
  H2Client client(server.endpoint());
  EXPECT_EQ(client.wait(client.get("/broken")).body, "/broken 500 500");
  EXPECT_EQ(client.wait(client.get("/none")).body, "/none 404 404");
  EXPECT_EQ(client.wait(client.get("/late")).body, "/late 503 504");
}

TEST(Http2, holds_as_much_of_a_body_as_its_head_may_have) {
  LiveServer server(echo);
  H2Client client(server.endpoint());
  EXPECT_EQ(client.wait(client.post("/held-small", std::string(1000, 'x'))).body,
            "POST /held-small test 1000");
  EXPECT_EQ(client.wait(client.post("/held-small", std::string(1001, 'x'))).body,
            "/held-small 413");
  EXPECT_EQ(client.wait(client.post("/held", std::string(100'000, 'x'))).body,
            "POST /held test 100000");
  // Side by side on one connection, with no length: frames of 600 bytes that do not end.
  RawClient raw(server.endpoint());
  const std::string path = "/held-small";
  const std::string head = "\x83\x86\x04" + std::string(1, char(path.size())) + path + "\x41\4test";
  std::string sent = std::string(kHttp2Preface) + std::string("\0\0\0\4\0\0\0\0\0", 9);
  for (const char stream : {'\1', '\3'}) {
    sent += std::string{0, 0, char(head.size()), 1, 4, 0, 0, 0, stream} + head;
    sent += std::string{0, 2, 0x58, 0, 0, 0, 0, 0, stream} + std::string(600, 'x');
  }
  ASSERT_TRUE(raw.send(sent));
  EXPECT_TRUE(raw.read_until("/held-small 413").ends_with("/held-small 413"));
}

TEST(Http2, survives_garbage_behind_the_preface) {
  TestServer server(echo);
  for (const std::string& garbage :
       {std::string(100, '\0'), std::string(100, '\xff'), std::string("\0\0\4\1\5\0\0\0\1zzzz", 13),
        std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n")}) {
    RawClient client(server.endpoint());
    client.send(std::string(kHttp2Preface) + garbage);
    client.close_sending();
    client.read_to_end();
  }
  EXPECT_EQ(send_and_read(server.endpoint(), "PRI * HTTP/2.0\r\n\r\nNO\r\n\r\n").substr(0, 12),
            "HTTP/1.1 505");
  H2Client client(server.endpoint());
  EXPECT_EQ(client.wait(client.get("/")).headers[":status"], "200");
}

TEST(Http2, ends_with_its_server) {
  auto server = std::make_unique<TestServer>(
      [](HttpRequest, std::stop_token stop) -> Task<HttpResponse> {
        while (!stop.stop_requested()) {
          const Status slept = co_await delay(5ms);
          if (!slept) break;
        }
        co_return text_response(200, "asked");
      },
      ServerLimits{.drain_timeout = 100ms});
  H2Client client(server->endpoint());
  client.get("/");
  client.flush();
  ASSERT_TRUE(eventually([&] { return (*server)->stats().requests == 1; }));
  server.reset();
}

}  // namespace
}  // namespace accel::net
