// SPDX-License-Identifier: Apache-2.0
#include "accel/net/carried_http.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"

namespace accel::net {
namespace {

using namespace std::chrono_literals;

// What the client sends, some bytes at a time, and what it gets.
class Scripted final : public HttpCarrier {
 public:
  explicit Scripted(std::string request, std::size_t at_a_time = 7, bool stays = false)
      : request_(std::move(request)), at_a_time_(at_a_time), stays_(stays) {}

  Task<std::size_t> read_some(std::span<char> out) override {
    if (request_.empty() && stays_) {
      const Status waited = co_await delay(1h);
      ACCEL_CO_CHECK(waited);
    }
    const std::size_t count = std::min({request_.size(), at_a_time_, out.size()});
    std::copy_n(request_.begin(), count, out.begin());
    request_.erase(0, count);
    co_return count;
  }
  Task<void> write_all(std::string_view bytes) override {
    if (gone_after && answer.size() + bytes.size() > *gone_after) {
      co_return fail(Errc::unavailable, "The peer has gone.");
    }
    answer += bytes;
    if (reads_slowly) {
      const Status waited = co_await delay(1h);
      ACCEL_CO_CHECK(waited);
    }
    co_return Status{};
  }

  std::string answer;
  std::optional<std::size_t> gone_after;
  bool reads_slowly = false;

 private:
  std::string request_;
  std::size_t at_a_time_;
  bool stays_;
};

const std::string kGet = "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n";

Status run(Scripted& client, HttpHandler handler, CarriedLimits limits = {}) {
  IoThread io;
  return sync_wait(io.executor(), answer_carried(client, std::move(handler), limits));
}

HttpHandler answering(HttpResponse response) {
  return [response](HttpRequest, std::stop_token) -> Task<HttpResponse> { co_return response; };
}

StreamBody of_two(std::optional<std::uint64_t> length) {
  return {[](BodyWriter& writer) -> Task<void> {
            std::string first = "one ";
            const Status begun = co_await writer.write(std::move(first));
            ACCEL_CO_CHECK(begun);
            std::string second = "two";
            co_return co_await writer.write(std::move(second));
          },
          length};
}

TEST(CarriedHttp, answers_one_request_and_says_that_it_is_the_last) {
  Scripted client(kGet + "GET /second HTTP/1.1\r\nHost: x\r\n\r\n", 1000);
  EXPECT_TRUE(run(client, answering(text_response(200, "hello"))));
  EXPECT_TRUE(client.answer.starts_with("HTTP/1.1 200 OK\r\n")) << client.answer;
  EXPECT_NE(client.answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_NE(client.answer.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(client.answer.ends_with("\r\n\r\nhello"));
}

TEST(CarriedHttp, sends_only_the_head_for_head) {
  Scripted client("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(run(client, answering(text_response(200, "hello"))));
  EXPECT_TRUE(client.answer.ends_with("\r\n\r\n"));
  EXPECT_NE(client.answer.find("Content-Length: 5\r\n"), std::string::npos);
}

TEST(CarriedHttp, streams_in_chunks_or_as_much_as_was_announced) {
  HttpResponse response;
  response.body = of_two(std::nullopt);
  Scripted chunked(kGet);
  EXPECT_TRUE(run(chunked, answering(response)));
  EXPECT_TRUE(chunked.answer.ends_with("4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n")) << chunked.answer;
  response.body = of_two(7);
  Scripted counted(kGet);
  EXPECT_TRUE(run(counted, answering(response)));
  EXPECT_TRUE(counted.answer.ends_with("\r\n\r\none two"));
  for (const std::uint64_t wrong : {6U, 8U}) {
    response.body = of_two(wrong);
    Scripted cut(kGet);
    EXPECT_EQ(run(cut, answering(response)).error().code, Errc::internal);
  }
}

TEST(CarriedHttp, sends_slices_of_files) {
  const auto file =
      std::make_shared<const UniqueFd>(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  ASSERT_GE(file->get(), 0);
  HttpResponse response;
  response.body = std::vector<FileSlice>{{file, 1, 3}, {file, 4096, 200'000}};
  Scripted client(kGet);
  EXPECT_TRUE(run(client, answering(response)));
  const std::size_t head = client.answer.find("\r\n\r\n") + 4;
  EXPECT_EQ(client.answer.substr(head, 3), "ELF");
  EXPECT_EQ(client.answer.size() - head, 200'003U);
}

TEST(CarriedHttp, refuses_what_is_no_request_and_what_has_a_body) {
  const auto status_of = [](const std::string& request) {
    Scripted client(request, 100'000);
    EXPECT_TRUE(run(client, answering(text_response(200, "never")))) << request.substr(0, 40);
    return client.answer.substr(0, 12);
  };
  EXPECT_EQ(status_of("nonsense\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400");  // No Host.
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
            "HTTP/1.1 413");
  EXPECT_EQ(
      status_of("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
      "HTTP/1.1 413");
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n"),
            "HTTP/1.1 431");
  EXPECT_NE(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP/1.1 200");
}

TEST(CarriedHttp, waits_for_nobody_for_ever) {
  CarriedLimits limits;
  limits.header_timeout = 50ms;
  limits.request_timeout = 50ms;
  limits.stall_timeout = 50ms;
  Scripted silent("GET / HT", 7, true);
  EXPECT_EQ(run(silent, answering({}), limits).error().code, Errc::timeout);
  Scripted slow(kGet);
  slow.reads_slowly = true;
  EXPECT_EQ(run(slow, answering(text_response(200, "hello")), limits).error().code, Errc::timeout);
  Scripted patient(kGet);
  const auto never = [](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    const Status waited = co_await delay(1h);
    ACCEL_CO_CHECK(waited);
    co_return HttpResponse{};
  };
  EXPECT_TRUE(run(patient, never, limits));
  EXPECT_TRUE(patient.answer.starts_with("HTTP/1.1 50")) << patient.answer;
}

TEST(CarriedHttp, ends_when_the_client_has_gone) {
  Scripted early("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(run(early, answering({})).error().code, Errc::unavailable);
  EXPECT_TRUE(early.answer.empty());
  Scripted late(kGet);
  late.gone_after = 10;
  EXPECT_EQ(run(late, answering(text_response(200, "hello"))).error().code, Errc::unavailable);
}

TEST(CarriedHttp, answers_for_a_handler_that_fails_or_writes_a_broken_header) {
  Scripted failed(kGet);
  EXPECT_TRUE(run(failed, [](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    co_return fail(Errc::not_found, "It is not here.");
  }));
  EXPECT_TRUE(failed.answer.starts_with("HTTP/1.1 404")) << failed.answer;
  Scripted broken(kGet);
  HttpResponse response = text_response(200, "hello");
  response.headers.add("X", "a\r\nY: b");
  EXPECT_TRUE(run(broken, answering(response)));
  EXPECT_TRUE(broken.answer.starts_with("HTTP/1.1 500")) << broken.answer;
}

}  // namespace
}  // namespace accel::net
