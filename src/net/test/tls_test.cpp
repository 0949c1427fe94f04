// SPDX-License-Identifier: Apache-2.0
// https against OpenSSL's own test server, with a certificate made for the test. Skipped when there
// is no openssl program.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>

#include "accel/core/random.hpp"
#include "accel/crypto/certificate.hpp"
#include "listener.hpp"
#include "support.hpp"

extern char** environ;

namespace accel::net {
namespace {

pid_t start(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {0, 1, 2}) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
  }
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return failed != 0 ? -1 : pid;
}

int run(std::vector<std::string> arguments) {
  const pid_t pid = start(std::move(arguments));
  int status = -1;
  if (pid > 0) waitpid(pid, &status, 0);
  return status;
}

// openssl s_server -www for 127.0.0.1 on a free port.
class OpenSslServer {
 public:
  explicit OpenSslServer(const std::string& name) {
    const std::string cert = cert_file();
    const std::string key = (folder_.path() / "key.pem").string();
    made_ = run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=test",
                 "-addext", "subjectAltName=" + name}) == 0;
    if (!made_) return;
    port_ = std::get<TcpEndpoint>(open_listener(TcpEndpoint{}).value().local).port;
    pid_ = start({"openssl", "s_server", "-quiet", "-accept", "127.0.0.1:" + std::to_string(port_),
                  "-cert", cert, "-key", key, "-www"});
  }
  ~OpenSslServer() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  OpenSslServer(const OpenSslServer&) = delete;
  OpenSslServer& operator=(const OpenSslServer&) = delete;

  bool ready() const { return made_ && pid_ > 0; }
  std::string cert_file() const { return (folder_.path() / "cert.pem").string(); }
  Url url() const { return parse_url("https://127.0.0.1:" + std::to_string(port_) + "/").value(); }

 private:
  TempDir folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  bool made_ = false;
};

// The server needs a moment until it listens.
Result<HttpReply> get_when_up(TestClient& client, const Url& url) {
  Result<HttpReply> reply = fail(Errc::unavailable, "Not tried yet.");
  eventually([&] {
    reply = client.get(url);
    return reply || reply.error().code != Errc::unavailable;
  });
  return reply;
}

TEST(Https, reads_from_a_server_whose_certificate_is_trusted) {
  const OpenSslServer server("IP:127.0.0.1");
  if (!server.ready()) GTEST_SKIP() << "There is no openssl program here.";
  ClientOptions options;
  options.ca_file = server.cert_file();
  TestClient client(options);
  const auto reply = get_when_up(client, server.url());
  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(reply->status, 200);
  EXPECT_NE(reply->body.find("TLSv1.3"), std::string::npos);
}

TEST(Https, refuses_a_certificate_that_nobody_vouches_for) {
  const OpenSslServer server("IP:127.0.0.1");
  if (!server.ready()) GTEST_SKIP() << "There is no openssl program here.";
  TestClient client;
  const auto reply = get_when_up(client, server.url());
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::unauthenticated) << reply.error().to_string();
}

TEST(Https, refuses_a_certificate_for_another_name) {
  const OpenSslServer server("DNS:other.example");
  if (!server.ready()) GTEST_SKIP() << "There is no openssl program here.";
  ClientOptions options;
  options.ca_file = server.cert_file();
  TestClient client(options);
  const auto reply = get_when_up(client, server.url());
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::unauthenticated) << reply.error().to_string();
}

TEST(Https, a_plain_server_behind_https_is_a_protocol_error) {
  const ScriptedServer server({{"HTTP/1.1 400 Bad Request\r\n\r\n"}});
  TestClient client;
  Url url = server.url("/");
  url.scheme = "https";
  HttpCall call;
  call.total_timeout = std::chrono::milliseconds(300);
  const auto reply = client.get(url, std::move(call));
  ASSERT_FALSE(reply.has_value());
  EXPECT_TRUE(reply.error().code == Errc::protocol || reply.error().code == Errc::timeout)
      << reply.error().to_string();
}

TEST(Https, a_missing_file_of_certificates_is_named) {
  ClientOptions options;
  options.ca_file = "/nonexistent/ca.pem";
  TestClient client(options);
  const ScriptedServer server({{ScriptedServer::kHang}});
  Url url = server.url("/");
  url.scheme = "https";
  const auto reply = client.get(url);
  ASSERT_FALSE(reply.has_value());
  EXPECT_NE(reply.error().message.find("/nonexistent/ca.pem"), std::string::npos);
}

// A server of ours with a certificate made for the test.
class TlsTestServer {
 public:
  explicit TlsTestServer(HttpHandler handler, ServerLimits limits = {}) {
    const auto made = crypto::make_self_signed_certificate({"127.0.0.1", "localhost"}, 2).value();
    files_ = {(folder_.path() / "cert.pem").string(), (folder_.path() / "key.pem").string()};
    EXPECT_TRUE(write_file_atomic(files_.certificate, as_bytes(made.certificate)));
    EXPECT_TRUE(write_file_atomic(files_.key, as_bytes(made.key)));
    server_ = std::make_unique<TestServer>(std::move(handler), limits, TcpEndpoint{}, HeadCheck{},
                                           files_);
  }
  Url url(std::string_view target) const {
    return parse_url((*server_)->base_url() + std::string(target)).value();
  }
  TestServer& operator*() { return *server_; }
  ClientOptions client_options() const {
    ClientOptions options;
    options.ca_file = files_.certificate;
    return options;
  }
  const ServerTls& files() const { return files_; }

 private:
  TempDir folder_;
  ServerTls files_;
  std::unique_ptr<TestServer> server_;
};

Task<HttpResponse> echo_body(HttpRequest request, std::stop_token) {
  co_return text_response(200, std::move(request.body));
}

TEST(TlsServer, answers_our_client_with_bodies_of_any_size) {
  TlsTestServer server(echo_body);
  TestClient client(server.client_options());
  for (const std::size_t size : {0U, 1U, 16'383U, 16'384U, 16'385U, 3'000'000U}) {
    HttpCall call;
    call.method = "POST";
    call.body = std::string(size, 'b');
    const auto reply = client.get(server.url("/"), std::move(call));
    ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
    EXPECT_EQ(reply->body.size(), size);
  }
}

TEST(TlsServer, sends_file_slices) {
  const TempDir folder;
  const auto path = folder.path() / "file";
  Bytes content(2'000'000);
  system_random().fill(content);
  ASSERT_TRUE(write_file_atomic(path, content).has_value());
  TlsTestServer server([&](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    HttpResponse response;
    const auto fd = std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    response.body = std::vector<FileSlice>{{fd, 5, 1'500'000}};
    co_return response;
  });
  TestClient client(server.client_options());
  const auto reply = client.get(server.url("/"));
  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(reply->body, as_text(ByteView(content).subspan(5, 1'500'000)));
}

TEST(TlsServer, cuts_a_client_that_never_shakes_hands) {
  ServerLimits limits;
  limits.header_timeout = std::chrono::seconds(1);
  TlsTestServer server(echo_body, limits);
  RawClient silent((*server).endpoint());
  EXPECT_EQ(silent.read_to_end(), "");
  RawClient plain((*server).endpoint());
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  plain.read_to_end();
  TestClient client(server.client_options());
  EXPECT_TRUE(client.get(server.url("/")).has_value());
}

TEST(TlsServer, needs_a_certificate_and_its_own_key) {
  const TlsTestServer one(echo_body);
  const TlsTestServer other(echo_body);
  IoThread io;
  const auto listen = [&](ServerTls files) {
    return HttpServer::listen(io.executor(), TcpEndpoint{}, echo_body, {.tls = std::move(files)});
  };
  const auto mixed = listen({one.files().certificate, other.files().key});
  ASSERT_FALSE(mixed.has_value());
  EXPECT_EQ(mixed.error().code, Errc::invalid_argument);
  const auto absent = listen({"/nonexistent/cert.pem", "/nonexistent/key.pem"});
  ASSERT_FALSE(absent.has_value());
  EXPECT_NE(absent.error().message.find("/nonexistent/cert.pem"), std::string::npos);
}

}  // namespace
}  // namespace accel::net
