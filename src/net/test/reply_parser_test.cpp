// SPDX-License-Identifier: Apache-2.0
#include "reply_parser.hpp"

#include <gtest/gtest.h>

namespace accel::net {
namespace {

using BodyKind = ReplyParser::BodyKind;

// Offers text in pieces of `step` bytes; returns how much the head took.
Result<std::size_t> feed_head(ReplyParser& parser, std::string_view text, std::size_t step) {
  std::size_t taken = 0;
  for (std::size_t end = std::min(step, text.size()); !parser.head_done();
       end = std::min(text.size(), end + step)) {
    ACCEL_TRY(const std::size_t used, parser.feed_head(text.substr(taken, end - taken)));
    taken += used;
    if (end == text.size()) break;
  }
  return taken;
}

Result<std::string> read_chunks(ReplyParser& parser, std::string_view text, std::size_t step) {
  std::string body;
  const BodySink sink = [&](ByteView bytes) {
    body += as_text(bytes);
    return Status{};
  };
  std::size_t taken = 0;
  for (std::size_t end = std::min(step, text.size()); !parser.body_done();
       end = std::min(text.size(), end + step)) {
    ACCEL_TRY(const std::size_t used, parser.feed_chunks(text.substr(taken, end - taken), sink));
    taken += used;
    if (end == text.size()) break;
  }
  return body;
}

class ReplyInPieces : public testing::TestWithParam<std::size_t> {};

TEST_P(ReplyInPieces, the_head_is_taken_and_nothing_behind_it) {
  ReplyParser parser(1024, false);
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n";
  EXPECT_EQ(feed_head(parser, head + "hello", GetParam()).value(), head.size());
  ASSERT_TRUE(parser.head_done());
  EXPECT_EQ(parser.status(), 200);
  EXPECT_EQ(parser.headers().get("etag"), "\"a\"");
  EXPECT_EQ(parser.body_kind(), BodyKind::length);
  EXPECT_EQ(parser.body_length(), 5U);
  EXPECT_TRUE(parser.keep_alive());
}

TEST_P(ReplyInPieces, chunks_are_joined) {
  ReplyParser parser(1024, false);
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  ASSERT_TRUE(feed_head(parser, head, GetParam()).has_value());
  EXPECT_EQ(parser.body_kind(), BodyKind::chunked);
  const auto body =
      read_chunks(parser, "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX: y\r\n\r\n", GetParam());
  ASSERT_TRUE(body.has_value()) << body.error().message;
  EXPECT_EQ(*body, "hello!");
  EXPECT_TRUE(parser.body_done());
  EXPECT_FALSE(parser.headers().has("X"));
}

INSTANTIATE_TEST_SUITE_P(ReplyParser, ReplyInPieces, testing::Values(1, 3, 4096));

BodyKind kind_of(const std::string& text, bool head_request = false) {
  ReplyParser parser(1024, head_request);
  EXPECT_TRUE(parser.feed_head(text).has_value()) << text;
  EXPECT_TRUE(parser.head_done()) << text;
  return parser.body_kind();
}

TEST(ReplyParser, knows_which_replies_have_no_body) {
  EXPECT_EQ(kind_of("HTTP/1.1 204 No Content\r\n\r\n"), BodyKind::none);
  EXPECT_EQ(kind_of("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), BodyKind::none);
  EXPECT_EQ(kind_of("HTTP/1.1 100 Continue\r\n\r\n"), BodyKind::none);
  EXPECT_EQ(kind_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), BodyKind::none);
  EXPECT_EQ(kind_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true), BodyKind::none);
  EXPECT_EQ(kind_of("HTTP/1.1 200 OK\r\n\r\n"), BodyKind::to_end);
}

TEST(ReplyParser, a_body_to_the_end_uses_the_connection_up) {
  ReplyParser parser(1024, false);
  ASSERT_TRUE(parser.feed_head("HTTP/1.1 200 OK\r\n\r\n").has_value());
  EXPECT_FALSE(parser.keep_alive());
  ReplyParser old(1024, false);
  ASSERT_TRUE(old.feed_head("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").has_value());
  EXPECT_FALSE(old.keep_alive());
}

// Found by the fuzzer: Beast asserts that five bytes are there when it looks at the last chunk
// again.
TEST(ReplyParser, the_last_chunk_may_come_byte_by_byte) {
  for (const std::string end : {"0\r\n\r\n", "0\r\nX: y\r\n\r\n", "1\r\na\r\n0\r\n\r\n"}) {
    ReplyParser parser(256, false);
    ASSERT_TRUE(
        parser.feed_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").has_value());
    ASSERT_TRUE(read_chunks(parser, end, 1).has_value()) << end;
    EXPECT_TRUE(parser.body_done()) << end;
  }
}

class BadReply : public testing::TestWithParam<std::string> {};

TEST_P(BadReply, is_a_protocol_error) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{4096}}) {
    ReplyParser parser(256, false);
    const auto used = feed_head(parser, GetParam(), step);
    ASSERT_FALSE(used.has_value()) << GetParam();
    EXPECT_EQ(used.error().code, Errc::protocol);
  }
}

INSTANTIATE_TEST_SUITE_P(
    ReplyParser, BadReply,
    testing::Values("SSH-2.0-OpenSSH_9.2p1 Debian\r\n\r\n", "HTTP/2 200 OK\r\n\r\n",
                    "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nX: " + std::string(300, 'x') + "\r\n\r\n",
                    "HTTP/1.1 200 " + std::string(300, 'x') + "\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"));

class BadChunks : public testing::TestWithParam<const char*> {};

TEST_P(BadChunks, are_a_protocol_error) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{4096}}) {
    ReplyParser parser(256, false);
    ASSERT_TRUE(
        parser.feed_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").has_value());
    const auto body = read_chunks(parser, GetParam(), step);
    ASSERT_FALSE(body.has_value()) << GetParam();
    EXPECT_EQ(body.error().code, Errc::protocol);
  }
}

INSTANTIATE_TEST_SUITE_P(ReplyParser, BadChunks,
                         testing::Values("zz\r\n0\r\n\r\n", "-1\r\n0\r\n\r\n",
                                         "ffffffffffffffffff\r\n", "1\r\nabc\r\n0\r\n\r\n",
                                         "1\r\na\n\n\r\n0\r\n\r\n", "\r\n\r\n0\r\n\r\n",
                                         "1 \x01\r\na\r\n"));

TEST(ReplyParser, a_sink_that_refuses_ends_it_with_its_error) {
  ReplyParser parser(256, false);
  ASSERT_TRUE(
      parser.feed_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").has_value());
  const BodySink full = [](ByteView) -> Status {
    return fail(Errc::resource_exhausted, "The disk is full.");
  };
  const auto used = parser.feed_chunks("1\r\na\r\n0\r\n\r\n", full);
  ASSERT_FALSE(used.has_value());
  EXPECT_EQ(used.error().code, Errc::resource_exhausted);
}

}  // namespace
}  // namespace accel::net
