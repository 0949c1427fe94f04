// SPDX-License-Identifier: Apache-2.0
#include "response_head.hpp"

#include <gtest/gtest.h>

namespace accel::net {
namespace {

const WallTime kRfcExample =
    WallTime{} + std::chrono::seconds(784111777);  // RFC 9110 section 5.6.7.

HttpResponse stream_response(std::optional<std::uint64_t> length) {
  HttpResponse response;
  response.body = StreamBody{nullptr, length};
  return response;
}

TEST(ResponseHead, is_written_as_rfc_9112_says) {
  HttpResponse response = text_response(404, "no\n");
  const Framing framing = decide_framing({}, response);
  EXPECT_EQ(write_head(response, framing, kRfcExample).value(),
            "HTTP/1.1 404 Not Found\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Content-Length: 3\r\n"
            "Connection: keep-alive\r\n\r\n");
}

TEST(ResponseHead, framing_of_a_handler_is_dropped) {
  HttpResponse response = text_response(200, "abc");
  response.headers.add("content-length", "999");
  response.headers.add("Transfer-Encoding", "gzip");
  response.headers.add("Connection", "upgrade");
  const std::string head = write_head(response, decide_framing({}, response), kRfcExample).value();
  EXPECT_EQ(head.find("999"), std::string::npos);
  EXPECT_EQ(head.find("gzip"), std::string::npos);
  EXPECT_EQ(head.find("upgrade"), std::string::npos);
}

TEST(ResponseHead, text_that_would_split_a_response_is_refused) {
  HttpResponse response = text_response(200, "abc");
  response.headers.add("X-Ipfs-Path", "/a\r\nSet-Cookie: x");
  const auto head = write_head(response, decide_framing({}, response), kRfcExample);
  ASSERT_FALSE(head.has_value());
  EXPECT_EQ(head.error().code, Errc::internal);
}

TEST(Framing, a_stream_without_length_is_chunked_and_one_with_it_is_not) {
  EXPECT_TRUE(decide_framing({}, stream_response({})).chunked);
  const Framing known = decide_framing({}, stream_response(7));
  EXPECT_FALSE(known.chunked);
  EXPECT_EQ(known.length, 7U);
}

TEST(Framing, http_1_0_gets_a_stream_until_the_end_of_the_connection) {
  const RequestTraits old{.head = false, .http_1_0 = true, .keep_alive = true};
  const Framing framing = decide_framing(old, stream_response({}));
  EXPECT_FALSE(framing.chunked);
  EXPECT_FALSE(framing.keep_alive);
  EXPECT_TRUE(decide_framing(old, text_response(200, "x")).keep_alive);
}

TEST(Framing, head_announces_the_length_and_sends_nothing) {
  const RequestTraits head{.head = true, .http_1_0 = false, .keep_alive = true};
  const Framing framing = decide_framing(head, text_response(200, "hello"));
  EXPECT_FALSE(framing.send_body);
  EXPECT_EQ(framing.length, 5U);
}

TEST(Framing, statuses_without_body_announce_none) {
  for (const int status : {204, 304}) {
    HttpResponse response = text_response(status, "never");
    const Framing framing = decide_framing({}, response);
    EXPECT_FALSE(framing.send_body) << status;
    EXPECT_FALSE(framing.length.has_value()) << status;
    EXPECT_FALSE(framing.chunked) << status;
  }
}

TEST(Framing, a_tunnel_that_opens_has_no_body_and_one_that_does_not_explains_it) {
  RequestTraits connect;
  connect.connect = true;
  const Framing opened = decide_framing(connect, HttpResponse{});
  EXPECT_FALSE(opened.send_body);
  EXPECT_FALSE(opened.length.has_value());
  EXPECT_FALSE(opened.chunked);
  EXPECT_TRUE(opened.keep_alive);
  EXPECT_EQ(decide_framing(connect, text_response(405, "no")).length, 2U);
}

TEST(Framing, slices_add_up) {
  HttpResponse response;
  response.body = std::vector<FileSlice>{{nullptr, 5, 10}, {nullptr, 0, 7}};
  EXPECT_EQ(decide_framing({}, response).length, 17U);
}

TEST(StatusTable, every_errc_has_a_status_and_errors_have_phrases) {
  for (int code = 0; code <= static_cast<int>(Errc::internal); ++code) {
    const int status = http_status_of(static_cast<Errc>(code));
    EXPECT_GE(status, 400) << code;
    EXPECT_NE(reason_phrase(status), "Unknown") << status;
  }
  EXPECT_EQ(reason_phrase(777), "Unknown");
}

TEST(StatusTable, a_status_leads_back_to_an_errc) {
  EXPECT_EQ(errc_of_http_status(404), Errc::not_found);
  EXPECT_EQ(errc_of_http_status(410), Errc::not_found);
  EXPECT_EQ(errc_of_http_status(401), Errc::unauthenticated);
  EXPECT_EQ(errc_of_http_status(429), Errc::resource_exhausted);
  EXPECT_EQ(errc_of_http_status(500), Errc::internal);
  EXPECT_EQ(errc_of_http_status(418), Errc::invalid_argument);
  EXPECT_EQ(errc_of_http_status(599), Errc::unavailable);
  EXPECT_EQ(errc_of_http_status(302), Errc::protocol);
}

TEST(ErrorResponse, asks_for_a_token_when_there_is_none) {
  const HttpResponse response = error_response({Errc::unauthenticated, "Who are you?", "secret"});
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.headers.get("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(std::get<std::string>(response.body), "Who are you?\n");  // The cause stays in the log.
}

}  // namespace
}  // namespace accel::net
