// SPDX-License-Identifier: Apache-2.0
// curl as a client that we did not write. Skipped when there is none.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "accel/crypto/certificate.hpp"
#include "accel/net/header_values.hpp"
#include "support.hpp"

namespace accel::net {
namespace {

// Runs curl and returns what it printed; nullopt when there is no curl.
std::optional<std::string> curl(const std::string& arguments) {
  const std::string command = "curl -sS --max-time 20 " + arguments + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string out;
  std::array<char, 4096> piece{};
  for (std::size_t got = 1; got > 0;) {
    got = std::fread(piece.data(), 1, piece.size(), pipe);
    out.append(piece.data(), got);
  }
  const int status = ::pclose(pipe);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return std::nullopt;
  return out;
}

#define CURL_OR_SKIP(name, arguments) \
  const auto name = curl(arguments);  \
  if (!name) GTEST_SKIP() << "There is no curl here."

Task<HttpResponse> echo(HttpRequest request, std::stop_token) {
  std::string text =
      request.method + " " + request.target + " " + std::to_string(request.body.size());
  co_return text_response(200, std::move(text));
}

TEST(Curl, gets_and_posts_over_one_connection) {
  TestServer server(echo);
  const std::string url = server.url("/a?b").to_string();
  CURL_OR_SKIP(text, "'" + url + "' '" + url + "' --next -d hello '" + url + "'");
  EXPECT_EQ(*text, "GET /a?b 0GET /a?b 0POST /a?b 5");
}

TEST(Curl, waits_for_100_continue_before_a_large_body) {
  TestServer server(echo);
  const TempDir folder;
  const auto file = folder.path() / "body";
  ASSERT_TRUE(write_file_atomic(file, Bytes(3'000'000, 'x')).has_value());
  CURL_OR_SKIP(text, "-H 'Expect: 100-continue' --data-binary @" + file.string() + " '" +
                         server.url("/up").to_string() + "'");
  EXPECT_EQ(*text, "POST /up 3000000");
}

TEST(Curl, sends_a_chunked_body) {
  TestServer server(echo);
  const TempDir folder;
  const auto file = folder.path() / "body";
  ASSERT_TRUE(write_file_atomic(file, Bytes(300'000, 'x')).has_value());
  CURL_OR_SKIP(text, "-X POST -T " + file.string() + " -H 'Transfer-Encoding: chunked' '" +
                         server.url("/up").to_string() + "'");
  EXPECT_EQ(*text, "POST /up 300000");
}

TEST(Curl, speaks_http_1_0_and_head) {
  TestServer server(echo);
  CURL_OR_SKIP(old, "--http1.0 '" + server.url("/old").to_string() + "'");
  EXPECT_EQ(*old, "GET /old 0");
  CURL_OR_SKIP(head, "-I '" + server.url("/head").to_string() + "'");
  EXPECT_NE(head->find("Content-Length: 12"), std::string::npos) << *head;
}

TEST(Curl, talks_over_a_unix_socket) {
  const TempDir folder;
  TestServer server(echo, {}, UnixEndpoint{folder.path() / "api.sock"});
  CURL_OR_SKIP(text, "--unix-socket " + (folder.path() / "api.sock").string() + " http://x/a");
  EXPECT_EQ(*text, "GET /a 0");
}

struct Served {
  TempDir folder;
  std::filesystem::path path = folder.path() / "data";
  std::uint64_t size = 0;
};

Task<HttpResponse> serve_range(std::shared_ptr<Served> served, HttpRequest request) {
  const RangeRequest range = resolve_range(request.headers.get_or("Range", ""), served->size);
  HttpResponse response;
  ByteRange part{0, served->size};
  if (range.outcome == RangeOutcome::partial) {
    part = range.range;
    response.status = 206;
    response.headers.add("Content-Range", content_range(part, served->size));
  }
  response.headers.add("Accept-Ranges", "bytes");
  auto fd = std::make_shared<const UniqueFd>(open_file(served->path, O_RDONLY).value());
  std::vector<FileSlice> slices;
  slices.push_back({std::move(fd), part.first, part.length});
  response.body = std::move(slices);
  co_return response;
}

TEST(Curl, resumes_a_download_with_a_range) {
  const auto served = std::make_shared<Served>();
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i) + "\n";
  served->size = text.size();
  ASSERT_TRUE(write_file_atomic(served->path, as_bytes(text)).has_value());
  TestServer server(
      [served](HttpRequest request, std::stop_token) { return serve_range(served, request); });
  const auto out = served->folder.path() / "out";
  ASSERT_TRUE(write_file_atomic(out, as_bytes(std::string_view(text).substr(0, 777'777))));
  CURL_OR_SKIP(said, "-C - -o " + out.string() + " '" + server.url("/f").to_string() + "'");
  EXPECT_EQ(*said, "");
  EXPECT_TRUE(read_text_file(out, 10'000'000).value() == text);
}

TEST(Curl, speaks_http2_with_and_without_tls) {
  TestServer plain(echo);
  CURL_OR_SKIP(prior, "--http2-prior-knowledge -w ' v%{http_version}' '" +
                          plain.url("/a?b").to_string() + "'");
  EXPECT_EQ(*prior, "GET /a?b 0 v2");

  const TempDir folder;
  const auto made = crypto::make_self_signed_certificate({"127.0.0.1"}, 2).value();
  const ServerTls files{(folder.path() / "cert.pem").string(),
                        (folder.path() / "key.pem").string()};
  ASSERT_TRUE(write_file_atomic(files.certificate, as_bytes(made.certificate)));
  ASSERT_TRUE(write_file_atomic(files.key, as_bytes(made.key)));
  TestServer server(echo, {}, TcpEndpoint{}, {}, files);
  const std::string url = server->base_url() + "/a";
  CURL_OR_SKIP(agreed, "--http2 --cacert " + files.certificate + " -w ' v%{http_version} ' " + url +
                           " -d hello " + url);
  EXPECT_EQ(*agreed, "POST /a 5 v2 POST /a 5 v2 ");
  CURL_OR_SKIP(old, "--http1.1 --cacert " + files.certificate + " -w ' v%{http_version}' " + url);
  EXPECT_EQ(*old, "GET /a 0 v1.1");
}

}  // namespace
}  // namespace accel::net
