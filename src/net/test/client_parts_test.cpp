// SPDX-License-Identifier: Apache-2.0
// The client's parts that need no network: redirects, the pool, where bodies go, and the request's
// head.
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>

#include "body_receiver.hpp"
#include "connection_pool.hpp"
#include "http_exchange.hpp"
#include "redirects.hpp"
#include "resolver.hpp"

namespace accel::net {
namespace {

using std::chrono::seconds;

Url url_of(std::string_view text) { return parse_url(text).value(); }

TEST(Redirects, follow_only_for_methods_that_change_nothing) {
  const Headers with_place{{"Location", "/x"}};
  for (const int status : {301, 302, 303, 307, 308}) {
    EXPECT_TRUE(is_redirect(status, "GET", with_place)) << status;
    EXPECT_TRUE(is_redirect(status, "HEAD", with_place)) << status;
    EXPECT_FALSE(is_redirect(status, "POST", with_place)) << status;
    EXPECT_FALSE(is_redirect(status, "GET", {})) << status;
  }
  EXPECT_FALSE(is_redirect(304, "GET", with_place));
  EXPECT_FALSE(is_redirect(200, "GET", with_place));
}

SocketAddress address_of(const char* text) {
  return SocketAddress(asio::ip::tcp::endpoint(asio::ip::make_address(text), 80));
}

TEST(LocalAddress, is_loopback_and_unspecified_in_every_spelling) {
  for (const char* text : {"127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "::1",
                           "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::127.0.0.1"}) {
    EXPECT_TRUE(is_local_address(address_of(text))) << text;
  }
  for (const char* text : {"128.0.0.1", "10.0.0.1", "1.127.0.0", "2001:db8::1", "::ffff:10.0.0.1",
                           "fe80::1", "2001:db8::ffff:127.0.0.1"}) {
    EXPECT_FALSE(is_local_address(address_of(text))) << text;
  }
}

TEST(Redirects, a_loop_is_named_with_its_way) {
  RedirectChain chain(url_of("http://a/1"), 5);
  EXPECT_EQ(chain.follow("/2")->to_string(), "http://a/2");
  const auto back = chain.follow("http://a/1");
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, Errc::protocol);
  EXPECT_NE(back.error().message.find("http://a/1 -> http://a/2 -> http://a/1"), std::string::npos)
      << back.error().message;
}

TEST(Redirects, end_after_the_limit) {
  RedirectChain chain(url_of("http://a/0"), 5);
  for (int i = 1; i <= 5; ++i) EXPECT_TRUE(chain.follow("/" + std::to_string(i)).has_value());
  const auto sixth = chain.follow("/6");
  ASSERT_FALSE(sixth.has_value());
  EXPECT_NE(sixth.error().message.find("more than 5 times"), std::string::npos);
}

TEST(Redirects, refuse_to_lead_where_a_stranger_must_not_send_us) {
  const auto refused = [](const char* from, const char* to) {
    RedirectChain chain(url_of(from), 5);
    const auto next = chain.follow(to);
    return !next && next.error().code == Errc::protocol;
  };
  EXPECT_TRUE(refused("https://a/", "http://a/"));
  EXPECT_TRUE(refused("http://gateway.example/", "http://127.0.0.1:5001/api/v0/shutdown"));
  EXPECT_TRUE(refused("http://gateway.example/", "http://localhost/"));
  EXPECT_TRUE(refused("http://gateway.example/", "http://[::1]/"));
  EXPECT_TRUE(refused("http://127.0.0.1/", "unix:/run/docker.sock:/"));
  EXPECT_TRUE(refused("http://a/", "file:///etc/passwd"));
  EXPECT_FALSE(refused("http://127.0.0.1:1/", "http://127.0.0.1:2/"));
  EXPECT_FALSE(refused("http://a/", "https://b/"));
}

TEST(Redirects, credentials_stay_with_their_origin) {
  EXPECT_TRUE(keeps_credentials(url_of("http://a/1"), url_of("http://a:80/2")));
  EXPECT_FALSE(keeps_credentials(url_of("http://a/"), url_of("http://a:81/")));
  EXPECT_FALSE(keeps_credentials(url_of("http://a/"), url_of("https://a/")));
  EXPECT_FALSE(keeps_credentials(url_of("http://a/"), url_of("http://b/")));
}

// A stand-in at the I/O seam: a stream that only knows whether it is quiet.
class IdleStream final : public ByteStream {
 public:
  explicit IdleStream(bool quiet, int id = 0) : id_(id), quiet_(quiet) {}
  Task<std::size_t> read_some(std::span<std::uint8_t>) override { co_return std::size_t{0}; }
  Task<void> write_all(std::string_view) override { co_return Status{}; }
  void cancel() override {}
  bool is_quiet() override { return quiet_; }
  int id() const { return id_; }

 private:
  int id_;
  bool quiet_;
};

std::unique_ptr<ByteStream> idle(int id) { return std::make_unique<IdleStream>(true, id); }

int id_of(const std::unique_ptr<ByteStream>& stream) {
  return stream ? dynamic_cast<IdleStream&>(*stream).id() : -1;
}

const SteadyTime kNow = SteadyTime{} + std::chrono::hours(1);

TEST(ConnectionPool, gives_the_newest_of_the_same_origin) {
  ConnectionPool pool({});
  pool.put("http://a", idle(1), kNow);
  pool.put("http://a", idle(2), kNow);
  pool.put("http://b", idle(3), kNow);
  EXPECT_EQ(id_of(pool.take("http://a", kNow)), 2);
  EXPECT_EQ(id_of(pool.take("http://a", kNow)), 1);
  EXPECT_EQ(id_of(pool.take("http://a", kNow)), -1);
  EXPECT_EQ(pool.size(), 1U);
}

TEST(ConnectionPool, drops_the_old_and_the_closed) {
  ConnectionPool pool({.per_origin = 4, .total = 8, .keep_idle = seconds(60)});
  pool.put("http://a", idle(1), kNow);
  pool.put("http://a", std::make_unique<IdleStream>(false), kNow + seconds(30));
  EXPECT_EQ(id_of(pool.take("http://a", kNow + seconds(61))), -1);
  EXPECT_EQ(pool.size(), 0U);
}

TEST(ConnectionPool, keeps_no_more_than_its_limits) {
  ConnectionPool pool({.per_origin = 2, .total = 3, .keep_idle = seconds(60)});
  for (int i = 0; i < 5; ++i) pool.put("http://a", idle(i), kNow);
  EXPECT_EQ(pool.size(), 2U);
  for (int i = 0; i < 5; ++i) pool.put("http://b" + std::to_string(i), idle(i), kNow);
  EXPECT_EQ(pool.size(), 3U);
  pool.clear();
  EXPECT_EQ(pool.size(), 0U);
}

TEST(BodyReceiver, fills_the_callers_buffer_and_no_byte_more) {
  Bytes buffer(8, 0);
  BodyReceiver receiver = BodyReceiver::into_buffer(std::span(buffer).first(5));
  EXPECT_TRUE(receiver.announce(5).has_value());
  EXPECT_EQ(receiver.announce(6).error().code, Errc::protocol);
  ASSERT_TRUE(receiver.accept(as_bytes("abc")).has_value());
  EXPECT_EQ(receiver.direct_space().size(), 2U);
  const Status more = receiver.accept(as_bytes("def"));
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().code, Errc::protocol);
  EXPECT_EQ(buffer, (Bytes{'a', 'b', 'c', 0, 0, 0, 0, 0}));
}

TEST(BodyReceiver, an_empty_buffer_takes_an_empty_body_only) {
  BodyReceiver receiver = BodyReceiver::into_buffer({});
  EXPECT_TRUE(receiver.accept({}).has_value());
  EXPECT_FALSE(receiver.accept(as_bytes("a")).has_value());
}

TEST(BodyReceiver, hands_a_sink_what_fits_its_limit) {
  std::string seen;
  const BodySink sink = [&](ByteView bytes) {
    seen += as_text(bytes);
    return Status{};
  };
  BodyReceiver receiver = BodyReceiver::into_sink(sink, 4);
  EXPECT_TRUE(receiver.accept(as_bytes("ab")).has_value());
  EXPECT_FALSE(receiver.accept(as_bytes("cde")).has_value());
  EXPECT_EQ(seen, "ab");
}

TEST(BodyReceiver, cuts_the_text_of_an_error) {
  std::string text;
  BodyReceiver receiver = BodyReceiver::of_error(text);
  EXPECT_TRUE(receiver.announce(std::uint64_t{1} << 60U).has_value());
  const std::string much(kMaxErrorBodyBytes + 10, 'x');
  EXPECT_TRUE(receiver.accept(as_bytes(much)).has_value());
  EXPECT_TRUE(receiver.is_full());
  EXPECT_EQ(text.size(), kMaxErrorBodyBytes);
}

TEST(RequestHead, says_what_a_server_needs) {
  HttpCall call;
  call.method = "POST";
  call.headers = {{"X-A", "b"}, {"Content-Length", "999"}};
  call.body = "hello";
  EXPECT_EQ(write_request_head(url_of("http://a:81/x?y"), call, "me").value(),
            "POST /x?y HTTP/1.1\r\nX-A: b\r\nHost: a:81\r\nUser-Agent: me\r\nAccept: */*\r\n"
            "Content-Length: 5\r\n\r\n");
}

TEST(RequestHead, refuses_text_that_would_split_it) {
  HttpCall call;
  call.headers = {{"X-A", "b\r\nX-B: c"}};
  EXPECT_EQ(write_request_head(url_of("http://a/"), call, "me").error().code,
            Errc::invalid_argument);
  call.headers = {};
  call.method = "GET / HTTP/1.1\r\nX:";
  EXPECT_FALSE(write_request_head(url_of("http://a/"), call, "me").has_value());
}

TEST(ReplyError, quotes_the_first_line_without_its_control_characters) {
  HttpReply reply;
  reply.status = 404;
  reply.url = url_of("http://a/x");
  reply.body = "  no \x1b[31mblock\x07\nsecond line";
  const Error error = reply_error(reply);
  EXPECT_EQ(error.code, Errc::not_found);
  EXPECT_EQ(error.message, "http://a/x answered 404 Not Found: no [31mblock.");
}

}  // namespace
}  // namespace accel::net
