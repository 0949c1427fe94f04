// SPDX-License-Identifier: Apache-2.0
#include "request_parser.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace accel::net {
namespace {

constexpr RequestLimits kLimits{.max_header_bytes = 1024, .max_body_bytes = 64};

// Feeds text in pieces of `step` bytes, as a slow client sends it; returns how much the request
// took, or the refusal.
tl::expected<std::size_t, Refusal> feed_all(RequestParser& parser, std::string_view text,
                                            std::size_t step) {
  std::size_t taken = 0;
  std::size_t end = 0;
  while (end < text.size() && !parser.done()) {
    end = std::min(text.size(), end + step);
    const auto used = parser.feed(text.substr(taken, end - taken));
    if (!used) return used;
    taken += *used;
  }
  return taken;
}

int refusal_of(std::string_view text, std::size_t step = 4096) {
  RequestParser parser(kLimits);
  const auto used = feed_all(parser, text, step);
  return used ? 0 : used.error().status;
}

class InPieces : public testing::TestWithParam<std::size_t> {};

TEST_P(InPieces, a_request_with_a_body_is_read) {
  RequestParser parser(kLimits);
  const std::string text =
      "POST /api/v1/add?x=1&y=%20 HTTP/1.1\r\nHost: localhost\r\nX-A:  b \r\n"
      "Content-Length: 5\r\n\r\nhello";
  const auto used = feed_all(parser, text, GetParam());
  ASSERT_TRUE(used.has_value()) << used.error().sentence;
  EXPECT_EQ(*used, text.size());
  ASSERT_TRUE(parser.done());
  EXPECT_TRUE(parser.keep_alive());
  const HttpRequest request = parser.take();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/api/v1/add");
  EXPECT_EQ(request.query, "x=1&y=%20");
  EXPECT_EQ(request.headers.get("x-a"), "b");
  EXPECT_EQ(request.body, "hello");
}

TEST(RequestParser, connect_names_a_host_and_a_port) {
  RequestParser parser(kLimits);
  const auto used = feed_all(parser, "CONNECT a.example:443 HTTP/1.1\r\nHost: b\r\n\r\n", 4096);
  ASSERT_TRUE(used.has_value()) << used.error().sentence;
  ASSERT_TRUE(parser.done());
  const HttpRequest request = parser.take();
  EXPECT_EQ(request.method, "CONNECT");
  EXPECT_EQ(request.target, "a.example:443");
  EXPECT_EQ(request.path, "");
  EXPECT_EQ(request.headers.get("Host"), "b");
  for (const char* bad : {"/", "a", "a:", ":1", "a:x", "a:1/b", "u@a:1", "http://a:1"}) {
    EXPECT_EQ(refusal_of(fmt::format("CONNECT {} HTTP/1.1\r\nHost: b\r\n\r\n", bad)), 400) << bad;
  }
}

TEST_P(InPieces, a_body_that_a_sink_takes_has_a_limit_of_its_own) {
  StreamedBodies streamed;
  streamed.match = [](std::string_view target) { return target.starts_with("/upload"); };
  streamed.max_bytes = 100;
  RequestLimits limits = kLimits;
  limits.streamed = &streamed;
  const auto status = [&](std::string_view path, std::size_t bytes) {
    RequestParser parser(limits);
    const std::string text =
        fmt::format("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", path, bytes,
                    std::string(bytes, 'x'));
    const auto used = feed_all(parser, text, GetParam());
    return used ? 200 : used.error().status;
  };
  EXPECT_EQ(status("/upload?x=1", 100), 200);
  EXPECT_EQ(status("/upload", 101), 413);
  EXPECT_EQ(status("/other", 100), 413);
}

TEST_P(InPieces, a_chunked_body_is_joined_and_its_trailer_dropped) {
  RequestParser parser(kLimits);
  const std::string text =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nAuthorization: Bearer x\r\nHost: evil\r\n\r\n";
  const auto used = feed_all(parser, text, GetParam());
  ASSERT_TRUE(used.has_value()) << used.error().sentence;
  ASSERT_TRUE(parser.done());
  const HttpRequest request = parser.take();
  EXPECT_EQ(request.body, "abcde");
  EXPECT_FALSE(request.headers.has("Authorization"));
  EXPECT_EQ(request.headers.combined("Host"), "a");
}

TEST_P(InPieces, a_pipelined_request_is_left_for_the_next_parser) {
  const std::string one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string text = one + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  RequestParser first(kLimits);
  const auto used = feed_all(first, text, GetParam());
  ASSERT_TRUE(used.has_value());
  EXPECT_EQ(*used, one.size());
  RequestParser second(kLimits);
  ASSERT_TRUE(feed_all(second, text.substr(*used), GetParam()).has_value());
  EXPECT_EQ(second.take().path, "/2");
}

INSTANTIATE_TEST_SUITE_P(RequestParser, InPieces, testing::Values(1, 2, 7, 4096));

TEST(RequestParser, ignores_a_few_empty_lines_before_a_request) {
  EXPECT_EQ(refusal_of("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 1), 0);
  EXPECT_EQ(refusal_of("\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

TEST(RequestParser, understands_absolute_targets_and_takes_their_host) {
  RequestParser parser(kLimits);
  ASSERT_TRUE(parser.feed("GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n").has_value());
  const HttpRequest request = parser.take();
  EXPECT_EQ(request.path, "/x");
  EXPECT_EQ(request.query, "y");
  EXPECT_EQ(request.headers.combined("Host"), "b:81");
}

TEST(RequestParser, asterisk_is_for_options_only) {
  EXPECT_EQ(refusal_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
  EXPECT_EQ(refusal_of("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

TEST(RequestParser, says_when_a_client_waits_to_go_on) {
  RequestParser parser(kLimits);
  const std::string head =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
  ASSERT_TRUE(parser.feed(head).has_value());
  EXPECT_TRUE(parser.head_done());
  EXPECT_TRUE(parser.wants_continue());
  ASSERT_TRUE(parser.feed("ab").has_value());
  EXPECT_TRUE(parser.done());
  EXPECT_FALSE(parser.wants_continue());
}

TEST(RequestParser, http_1_0_needs_no_host_and_closes) {
  RequestParser parser(kLimits);
  ASSERT_TRUE(parser.feed("GET / HTTP/1.0\r\n\r\n").has_value());
  ASSERT_TRUE(parser.done());
  EXPECT_TRUE(parser.is_http_1_0());
  EXPECT_FALSE(parser.keep_alive());
}

TEST(RequestParser, connection_close_is_obeyed) {
  RequestParser parser(kLimits);
  ASSERT_TRUE(parser.feed("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").has_value());
  EXPECT_FALSE(parser.keep_alive());
}

struct RefusedCase {
  const char* name;
  std::string text;
  int status;
};
void PrintTo(const RefusedCase& the, std::ostream* out) { *out << the.name; }

class Refused : public testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, whole_and_byte_by_byte) {
  EXPECT_EQ(refusal_of(GetParam().text), GetParam().status) << GetParam().name;
  EXPECT_EQ(refusal_of(GetParam().text, 1), GetParam().status) << GetParam().name;
}

std::string with(const std::string& headers) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}

std::string many_headers() {
  std::string text;
  for (int i = 0; i < 220; ++i) text += "a:\r\n";
  return text;
}

// Among them the ways to smuggle a request past a proxy: RFC 9112 section 6.3.
INSTANTIATE_TEST_SUITE_P(
    RequestParser, Refused,
    testing::Values(
        RefusedCase{"garbage", std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8) + "\r\n\r\n",
                    400},
        RefusedCase{"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
        RefusedCase{"two_hosts", with("Host: b\r\n"), 400},
        RefusedCase{"http_2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        RefusedCase{"http_0_9", "GET /\r\n\r\n", 400},
        RefusedCase{"fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        RefusedCase{"relative_target", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        RefusedCase{"authority_target", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        RefusedCase{"unix_target", "GET unix:/x:/y HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        RefusedCase{"header_flood", with("X: " + std::string(2000, 'x') + "\r\n"), 431},
        RefusedCase{"long_target",
                    "GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
        RefusedCase{"too_many_headers", with(many_headers()), 431},
        RefusedCase{"body_announced_too_large", with("Content-Length: 65\r\n"), 413},
        RefusedCase{"absurd_length", with("Content-Length: 18446744073709551615\r\n"), 413},
        RefusedCase{"overflowing_length", with("Content-Length: 18446744073709551616\r\n"), 400},
        RefusedCase{"negative_length", with("Content-Length: -1\r\n"), 400},
        RefusedCase{"signed_length", with("Content-Length: +1\r\n"), 400},
        RefusedCase{"two_lengths", with("Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
        RefusedCase{"length_and_chunked",
                    with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
        RefusedCase{"chunked_and_length",
                    with("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400},
        RefusedCase{"chunked_twice",
                    with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        RefusedCase{"gzip_coding", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
        RefusedCase{"chunked_not_last", with("Transfer-Encoding: chunked, gzip\r\n"), 501},
        RefusedCase{"chunked_misspelt", with("Transfer-Encoding: xchunked\r\n"), 501},
        RefusedCase{"coding_in_http_1_0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
                    400},
        RefusedCase{"blank_before_colon", with("Content-Length : 1\r\n"), 400},
        RefusedCase{"no_colon", with("nonsense\r\n"), 400},
        RefusedCase{"nul_in_value", with(std::string("X: a\0b\r\n", 8)), 400},
        RefusedCase{"bare_cr", with("X: a\rb\r\n"), 400},
        RefusedCase{"other_expectation", with("Expect: miracles\r\nContent-Length: 1\r\n"), 417},
        RefusedCase{"chunk_size_is_no_hex",
                    with("Transfer-Encoding: chunked\r\n") + "zz\r\n0\r\n\r\n", 400},
        RefusedCase{"chunk_size_overflows",
                    with("Transfer-Encoding: chunked\r\n") + "fffffffffffffffff\r\n", 400},
        RefusedCase{"chunk_larger_than_the_limit",
                    with("Transfer-Encoding: chunked\r\n") + "41\r\nxxxxx", 413},
        RefusedCase{
            "chunks_larger_than_the_limit",
            with("Transfer-Encoding: chunked\r\n") + "40\r\n" + std::string(64, 'x') + "\r\n1\r\n",
            413},
        RefusedCase{"chunk_longer_than_it_said",
                    with("Transfer-Encoding: chunked\r\n") + "1\r\nabc\r\n0\r\n\r\n", 400}));

// Found by the fuzzer: see chunked.hpp.
TEST(RequestParser, the_last_chunk_may_come_byte_by_byte) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(refusal_of(head + "0\r\n\r\n", 1), 0);
  EXPECT_EQ(refusal_of(head + "0\r\nX: y\r\n\r\n", 1), 0);
}

// Found by the fuzzer: a head a little above the limit was refused or not depending on its pieces.
TEST(RequestParser, the_limit_of_a_head_does_not_depend_on_the_pieces) {
  for (std::size_t size = 990; size <= 1040; ++size) {
    const std::string head = "GET /some/path HTTP/1.1\r\nHost: a\r\n";
    const std::string text = head + "X: " + std::string(size - head.size() - 7, 'x') + "\r\n\r\n";
    const int expected = text.size() <= kLimits.max_header_bytes ? 0 : 431;
    EXPECT_EQ(refusal_of(text), expected) << text.size();
    EXPECT_EQ(refusal_of(text, 7), expected) << text.size();
    EXPECT_EQ(refusal_of(text, 1), expected) << text.size();
  }
}

TEST(RequestParser, takes_nothing_after_the_end) {
  RequestParser parser(kLimits);
  ASSERT_TRUE(parser.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n").has_value());
  ASSERT_TRUE(parser.done());
  EXPECT_EQ(parser.feed("GET / HTTP/1.1\r\n").value(), 0U);
}

}  // namespace
}  // namespace accel::net
