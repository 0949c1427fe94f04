// SPDX-License-Identifier: Apache-2.0
// HTTP/2 clients that open without end: what is queued for them is bounded, and they are sent away.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "http2_session.hpp"
#include "support.hpp"

namespace accel::net {
namespace {

using namespace std::chrono_literals;

std::string frame_of(char type, char flags, std::uint32_t stream, const std::string& payload) {
  std::string frame{0, 0, char(payload.size()), type, flags};
  for (int shift = 24; shift >= 0; shift -= 8) frame += char(stream >> unsigned(shift));
  return frame + payload;
}

// "GET http / test" on so many streams from `first` on; no client may have as many at once.
std::string many_requests(std::uint32_t first, std::uint32_t count) {
  const std::string head("\x82\x86\x84\x41\4test", 9);
  std::string frames;
  for (std::uint32_t i = 0; i < count; ++i) frames += frame_of(1, 5, first + 2 * i, head);
  return frames;
}

std::string client_begin() { return std::string(kHttp2Preface) + frame_of(4, 0, 0, ""); }

Http2Events no_events() {
  Http2Events events;
  events.on_head = [](HttpRequest&) { return Status{}; };
  events.on_request = [](StreamId, HttpRequest, std::optional<HttpResponse>) {};
  events.on_closed = [](StreamId) {};
  return events;
}

TEST(Http2Session, is_backed_up_by_resets_that_nobody_takes) {
  Http2Session session(ServerLimits{}, no_events());
  ASSERT_TRUE(session.feed(client_begin() + many_requests(1, kMaxHttp2Streams)));
  EXPECT_FALSE(session.is_backed_up());
  ASSERT_TRUE(session.feed(many_requests(1001, 600)));
  EXPECT_TRUE(session.is_backed_up());
  EXPECT_FALSE(session.output()->empty());
  EXPECT_FALSE(session.is_backed_up());
  EXPECT_FALSE(session.is_over());
}

TEST(Http2Session, says_goodbye_to_who_opens_too_much_too_often) {
  Http2Session session(ServerLimits{}, no_events());
  ASSERT_TRUE(session.feed(client_begin()));
  std::string sent;
  for (std::uint32_t first = 1; first < 3000; first += 200) {
    ASSERT_TRUE(session.feed(many_requests(first, 100)));
    sent += *session.output();
  }
  const std::string goodbye = frame_of(7, 0, 0, "").substr(3);  // GOAWAY, without its length.
  const std::size_t at = sent.find(goodbye);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(sent.at(at + goodbye.size() + 7), char(NGHTTP2_ENHANCE_YOUR_CALM));
  EXPECT_TRUE(session.is_over());
}

TEST(Http2, cuts_a_client_that_opens_without_end_and_reads_nothing) {
  ServerLimits limits;
  limits.stall_timeout = 200ms;
  const auto answer = [](HttpRequest, std::stop_token) -> Task<HttpResponse> {
    co_return text_response(200, "x");
  };
  TestServer server(answer, limits);
  RawClient client(server.endpoint());
  ASSERT_TRUE(client.send(client_begin()));
  bool open = true;
  std::size_t sent = 0;
  for (std::uint32_t first = 1; open && sent < 100'000'000; first += 2000) {
    const std::string frames = many_requests(first, 1000);
    open = client.send(frames);
    sent += frames.size();
  }
  EXPECT_FALSE(open);  // What is in flight in the kernel is all that went out.
}

}  // namespace
}  // namespace accel::net
