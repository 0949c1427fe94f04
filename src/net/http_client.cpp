// SPDX-License-Identifier: Apache-2.0
#include "accel/net/http_client.hpp"

#include <boost/asio/this_coro.hpp>
#include <optional>

#include "accel/net/message.hpp"
#include "connection_pool.hpp"
#include "connector.hpp"
#include "http_exchange.hpp"
#include "redirects.hpp"

namespace accel::net {
namespace {

constexpr std::size_t kMaxQuotedLine = 200;

// One call with everything that its steps share. Lives in the frame of HttpClient's coroutine.
struct Call {
  HttpCall what;
  std::optional<std::span<std::uint8_t>> into;
  CallGuard guard;
  Reach reach = Reach::anywhere;  // Of the next connection; less behind a foreign redirect.
  bool answered_locally = false;  // The last connection led to this machine.
  bool was_stale =
      false;  // A kept connection turned out to be closed before a byte of a reply came.

  BodyReceiver receiver(bool ok, std::string& text) const {
    if (!ok) return BodyReceiver::of_error(text);
    if (into) return BodyReceiver::into_buffer(*into, what.on_chunk);
    if (what.on_chunk) return BodyReceiver::into_sink(what.on_chunk, what.max_body_bytes);
    return BodyReceiver::into_text(text, what.max_body_bytes);
  }
};

// The guard may cancel the stream as long as this lives.
class GuardedStream {
 public:
  GuardedStream(CallGuard& guard, ByteStream& stream) : guard_(guard) {
    guard_.watch([&stream] { stream.cancel(); });
  }
  ~GuardedStream() { guard_.unwatch(); }
  GuardedStream(const GuardedStream&) = delete;
  GuardedStream& operator=(const GuardedStream&) = delete;

 private:
  CallGuard& guard_;
};

Error with_url(Error error, const std::string& method, const Url& url) {
  error.message = fmt::format("{} {} failed: {}.", method, url.to_string(), error.message);
  return error;
}

bool may_retry(const std::string& method) { return method == "GET" || method == "HEAD"; }

SteadyTime end_of(const HttpCall& call, const ClientOptions& options) {
  const Duration limit =
      call.total_timeout > Duration::zero() ? call.total_timeout : options.total_timeout;
  return limit > Duration::zero() ? system_clock().now() + limit : SteadyTime::max();
}

}  // namespace

class HttpClient::Impl {
 public:
  Impl(Executor executor, ClientOptions options)
      : options_(std::move(options)),
        pool_({options_.max_idle_per_origin, options_.max_idle, options_.keep_idle}),
        connector_(std::move(executor), options_.connect_timeout, options_.ca_file) {}

  // Follows redirects. The impl lives until the call ends (self).
  static Task<HttpReply> run(std::shared_ptr<Impl> self, Url url, HttpCall what,
                             std::optional<std::span<std::uint8_t>> into);
  void close_idle() { pool_.clear(); }

 private:
  Task<HttpReply> once(const Url& url, Call& call);
  Task<HttpReply> exchange(const Url& url, Call& call, bool fresh);
  Task<HttpReply> talk(HttpExchange& exchange, const Url& url, Call& call);

  ClientOptions options_;
  ConnectionPool pool_;
  Connector connector_;
};

Task<HttpReply> HttpClient::Impl::run(std::shared_ptr<Impl> self, Url url, HttpCall what,
                                      std::optional<std::span<std::uint8_t>> into) {
  const Executor executor = co_await asio::this_coro::executor;
  const SteadyTime end = end_of(what, self->options_);
  const std::stop_token stop = what.stop;
  Call call{std::move(what), into, CallGuard(executor, stop, end)};
  if (call.what.network_only) call.reach = Reach::network;
  RedirectChain chain(url, self->options_.max_redirects);
  while (true) {
    Result<HttpReply> reply = co_await self->once(url, call);
    if (!reply) co_return fail(with_url(reply.error(), call.what.method, url));
    if (self->options_.max_redirects < 1 || !call.what.follow_redirects) co_return reply;
    if (!is_redirect(reply->status, call.what.method, reply->headers)) co_return reply;
    Result<Url> next = chain.follow(reply->headers.get_or("Location", ""));
    if (!next) co_return fail(with_url(next.error(), call.what.method, url));
    if (!keeps_credentials(url, *next)) {
      call.what.headers.erase("Authorization");
      call.what.headers.erase("Cookie");
      call.what.headers.erase("Host");
    }
    call.reach = call.answered_locally ? Reach::anywhere : Reach::network;
    url = std::move(*next);
  }
}

// A kept connection that the server closed in the same moment is no failure: the request goes out
// once more on a new one.
Task<HttpReply> HttpClient::Impl::once(const Url& url, Call& call) {
  call.was_stale = false;
  Result<HttpReply> reply = co_await exchange(url, call, false);
  if (call.was_stale) reply = co_await exchange(url, call, true);
  co_return reply;
}

Task<HttpReply> HttpClient::Impl::exchange(const Url& url, Call& call, bool fresh) {
  ACCEL_CO_CHECK(call.guard.check());
  const std::string origin = url.origin();
  std::unique_ptr<ByteStream> stream;
  if (!fresh) stream = pool_.take(origin, system_clock().now());
  if (stream && stream->peer_is_local() && call.reach == Reach::network) stream.reset();
  const bool reused = stream != nullptr;
  if (!reused) {
    call.guard.expect_within(options_.connect_timeout);
    Result<std::unique_ptr<ByteStream>> made =
        co_await connector_.connect(url, call.guard, call.reach);
    if (!made) co_return fail(Error(made.error()));
    stream = std::move(*made);
  }
  call.answered_locally = stream->peer_is_local();
  const GuardedStream guarded(call.guard, *stream);
  HttpExchange exchange(*stream, call.guard, options_);
  Result<HttpReply> reply = co_await talk(exchange, url, call);
  if (reply) {
    reply->reused_connection = reused;
    if (exchange.reusable()) pool_.put(origin, std::move(stream), system_clock().now());
    co_return reply;
  }
  const bool dropped = reply.error().code == Errc::unavailable && !exchange.heard_anything();
  call.was_stale = reused && dropped && may_retry(call.what.method);
  co_return reply;
}

Task<HttpReply> HttpClient::Impl::talk(HttpExchange& exchange, const Url& url, Call& call) {
  ACCEL_CO_TRY(std::string head, write_request_head(url, call.what, options_.user_agent));
  const Status sent = co_await exchange.send(std::move(head), call.what.body);
  // A server that refuses a body answers and closes before it has read all of it: its answer
  // counts.
  if (!sent && (call.what.body.empty() || sent.error().code != Errc::unavailable)) {
    co_return fail(Error(sent.error()));
  }
  const Status heard = co_await exchange.read_head(call.what.method == "HEAD");
  if (!heard) co_return fail(Error(heard.error()));
  HttpReply reply;
  reply.status = exchange.head().status();
  reply.url = url;
  if (reply.ok() && call.what.on_head) {
    ACCEL_CO_CHECK(call.what.on_head(reply.status, exchange.head().headers()));
  }
  BodyReceiver receiver = call.receiver(reply.ok(), reply.body);
  const Status read = co_await exchange.read_body(receiver);
  if (!read) co_return fail(Error(read.error()));
  reply.headers = exchange.take_headers();
  reply.body_bytes = receiver.bytes();
  co_return reply;
}

HttpClient::HttpClient(asio::any_io_executor executor, ClientOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options))) {}
HttpClient::~HttpClient() = default;
void HttpClient::close_idle() { impl_->close_idle(); }

Task<HttpReply> HttpClient::request(Url url, HttpCall call) {
  return Impl::run(impl_, std::move(url), std::move(call), std::nullopt);
}

Task<HttpReply> HttpClient::get_into(Url url, HttpCall call, std::span<std::uint8_t> out) {
  return Impl::run(impl_, std::move(url), std::move(call), out);
}

Error reply_error(const HttpReply& reply) {
  const std::string_view text = reply.body;
  const std::string_view line = trim_blanks(text.substr(0, text.find_first_of("\r\n")));
  std::string clean(line.substr(0, kMaxQuotedLine));
  std::erase_if(clean, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  while (clean.ends_with('.')) clean.pop_back();  // The sentence has its own.
  return {errc_of_http_status(reply.status),
          fmt::format("{} answered {} {}{}{}.", reply.url.to_string(), reply.status,
                      reason_phrase(reply.status), clean.empty() ? "" : ": ", clean),
          {}};
}

}  // namespace accel::net
