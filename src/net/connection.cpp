// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include <boost/asio/post.hpp>
#include <exception>

#include "accel/core/log.hpp"
#include "body_writer.hpp"
#include "http2_connection.hpp"

namespace accel::net {
namespace {

constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr Duration kDrainLingerTime = std::chrono::milliseconds(250);
constexpr std::uint64_t kLingerBytes = 256 * 1024;
constexpr unsigned kReadyTurn = 64;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kRequestTimeout =
    "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

// Zero means no limit.
SteadyTime deadline_after(SteadyTime now, Duration limit) {
  return limit > Duration::zero() ? now + limit : SteadyTime::max();
}

RequestLimits request_limits(const ServerLimits& limits, const StreamedBodies& streamed) {
  return {.max_header_bytes = limits.max_header_bytes,
          .max_body_bytes = limits.max_body_bytes,
          .streamed = &streamed};
}

}  // namespace

Status admit(const ConnectionRules& rules, const HttpRequest& head, ConnectionWatch& watch) {
  try {
    if (rules.check_head) ACCEL_CHECK(rules.check_head(head));
    if (watch.is_stranger() && rules.known(head)) watch.set_stranger(false);
    return {};
  } catch (const std::exception& thrown) {  // As with a handler: it must end this session only.
    log::error("net", "A check of a request's head threw.", {{"cause", thrown.what()}});
    return fail(Errc::internal, "The server failed at this request; its log says why.");
  }
}

HttpResponse failure_response(const std::string& request, const Error& error) {
  log::debug("net", "A request failed.", {{"request", request}, {"error", error.to_string()}});
  return error_response(error);
}

Connection::Connection(Socket socket, Peer peer, ConnectionShared& shared)
    : shared_(shared),
      watch_(std::make_shared<ConnectionWatch>()),
      io_(std::move(socket), *watch_, shared.limits),
      peer_(std::move(peer)) {
  watch_->set_stranger(shared_.known && !peer_.over_unix_socket);
}

// A connection that was cut ends here, in the middle of whatever it did.
Connection::~Connection() {
  const Phase phase = watch_->phase();
  const bool reads = phase == Phase::head || phase == Phase::body;
  const bool late = watch_->was_cut() && watch_->cause() == Cause::deadline;
  if (reads && late) io_.send_best_effort(kRequestTimeout);
}

Task<void> Connection::run() {
  const Result<bool> speaks_http2 = co_await open();
  if (!speaks_http2) co_return Status{};
  if (!*speaks_http2) co_return co_await run_http1();
  const Executor executor = co_await asio::this_coro::executor;
  Http2Connection http2(executor, io_, *watch_, peer_, shared_);
  Task<void> served = http2.run();
  const Status ended = co_await std::move(served);
  static_cast<void>(ended);  // A client's end is no error of the server.
  co_return co_await linger();
}

Task<bool> Connection::open() {
  const SteadyTime now = system_clock().now();
  watch_->enter(Phase::idle, now, deadline_after(now, shared_.limits.header_timeout));
  if (shared_.tls) {
    Task<void> handshake = io_.start_tls(*shared_.tls);
    const Status shaken = co_await std::move(handshake);
    if (!shaken) co_return fail(Error(shaken.error()));
  }
  if (io_.protocol() == "h2") co_return true;
  while (kHttp2Preface.starts_with(io_.buffer().view())) {
    if (io_.buffer().view().size() == kHttp2Preface.size()) co_return true;
    const Result<std::size_t> count = co_await io_.read();
    if (!count || *count == 0) co_return fail(Errc::cancelled, "The client left.");
  }
  co_return io_.buffer().view().starts_with(kHttp2Preface);
}

Task<void> Connection::run_http1() {
  bool go_on = true;
  while (go_on) {
    RequestParser parser(request_limits(shared_.limits, shared_.streamed));
    const Result<Read> read = co_await read_request(parser);
    if (!read || *read == Read::closed) co_return Status{};
    if (*read == Read::request) {
      if (auto ready = ready_response(parser)) {
        const bool stay = parser.keep_alive() && !shared_.draining.load();
        const Result<bool> sent = co_await respond_ready(stay, *std::move(ready));
        if (!sent) co_return Status{};
        go_on = *sent;
        continue;
      }
    }
    RequestTraits traits;
    HttpResponse response;
    if (*read == Read::refused) {
      response = std::move(refusal_);
      traits.head = parser.head_done() && parser.head().method == "HEAD";
      traits.keep_alive = false;
    } else {
      HttpRequest request = parser.take();
      traits.head = request.method == "HEAD";
      traits.connect = request.method == "CONNECT";
      traits.http_1_0 = parser.is_http_1_0();
      // A tunnel stays, whatever version of HTTP opened it.
      traits.keep_alive = parser.keep_alive() || traits.connect;
      Result<HttpResponse> made = co_await call_handler(std::move(request));
      response = std::move(*made);
    }
    if (shared_.draining.load() || watch_->asked_to_stop()) traits.keep_alive = false;
    const Result<bool> sent = co_await respond(traits, std::move(response));
    if (!sent) co_return Status{};
    go_on = *sent;
  }
  co_return co_await linger();
}

Task<Connection::Read> Connection::read_request(RequestParser& parser) {
  SteadyTime now = system_clock().now();
  // Whoever connects has something to say; later it may pause.
  const Duration patience = first_ ? shared_.limits.header_timeout : shared_.limits.idle_timeout;
  watch_->enter(Phase::idle, now, deadline_after(now, patience));
  first_ = false;
  checked_head_ = false;
  sent_continue_ = false;
  while (true) {
    const auto fed = parser.feed(io_.buffer().view());
    if (!fed) co_return refuse_request(parser, fed.error());
    io_.buffer().consume(*fed);
    if (parser.head_done() && !checked_head_) {
      if (const Status admitted = check_head(parser); !admitted) {
        ++shared_.counters.requests;
        refusal_ = shaped(parser.head(), error_response(admitted.error()), admitted.error().code);
        co_return Read::refused;
      }
    }
    auto passing = pass_on(parser);
    if (const Status passed = co_await std::move(passing); !passed) {
      ++shared_.counters.requests;
      refusal_ = shaped(parser.head(), error_response(passed.error()), passed.error().code);
      co_return Read::refused;
    }
    if (parser.head_done() && !may_hold_body(parser)) co_return Read::refused;
    if (parser.done()) co_return Read::request;
    if (io_.buffer().space().empty()) {
      co_return refuse_request(parser, {431, "The request's headers are too large."});
    }
    if (note_progress(parser, now)) {
      const Pieces go_ahead{kContinue, {}, {}};
      const Status sent = co_await io_.send(go_ahead, false);
      if (!sent) co_return Read::closed;
    }
    const Result<std::size_t> count = co_await io_.read();
    if (!count || *count == 0) co_return Read::closed;
    now = system_clock().now();
  }
}

// Sets the deadline for what must come next; true when the client waits to be told to go on.
bool Connection::note_progress(const RequestParser& parser, SteadyTime now) {
  if (parser.head_done()) {
    watch_->enter(Phase::body, now, io_.guard().wait_until(now));
    const bool tell = parser.wants_continue() && !sent_continue_ && io_.buffer().empty();
    sent_continue_ = true;
    return tell;
  }
  if ((parser.started() || !io_.buffer().empty()) && watch_->phase() == Phase::idle) {
    watch_->enter(Phase::head, now, deadline_after(now, shared_.limits.header_timeout));
  }
  return false;
}

Connection::Read Connection::refuse_request(RequestParser& parser, Refusal why) {
  const bool in_body = parser.head_done() && why.status == 431;
  if (in_body) why = {400, "A chunk's header is too large."};
  refusal_ = text_response(why.status, why.sentence + "\n");
  if (parser.head_done()) refusal_ = shaped(parser.head(), std::move(refusal_), std::nullopt);
  ++shared_.counters.requests;
  return Read::refused;
}

HttpResponse Connection::shaped(const HttpRequest& head, HttpResponse refusal,
                                std::optional<Errc> why) const {
  if (!shared_.shape_http1) return refusal;
  return shared_.shape_http1(head, std::move(refusal), why);
}

// Also completes the head with what only the connection knows.
Status Connection::check_head(RequestParser& parser) {
  checked_head_ = true;
  HttpRequest& head = parser.head();
  head.remote = peer_.name;
  head.over_unix_socket = peer_.over_unix_socket;
  ACCEL_CHECK(admit(shared_, head, *watch_));
  const StreamedBodies& streamed = shared_.streamed;
  if (streamed.match && streamed.match(head.target)) {
    ACCEL_TRY(head.sink, streamed.open(head));
    return {};
  }
  max_body_ = shared_.limits.max_body_bytes;
  if (shared_.body_limit) max_body_ = std::min(max_body_, shared_.body_limit(head));
  if (shared_.hold_body) head.held = shared_.hold_body(head);
  return {};
}

bool Connection::may_hold_body(RequestParser& parser) {
  const HttpRequest& head = parser.head();
  if (head.sink) return true;
  if (head.body.size() > max_body_ || announces_more_than(head.headers, max_body_)) {
    refuse_request(parser, {413, fmt::format("The request's body is too large; it may have {} "
                                             "bytes.",
                                             max_body_)});
    return false;
  }
  const Status held = head.held ? head.held->hold(head.body.size()) : Status{};
  if (held) return true;
  ++shared_.counters.requests;
  refusal_ = shaped(head, error_response(held.error()), held.error().code);
  return false;
}

Task<void> Connection::pass_on(RequestParser& parser) {
  HttpRequest& head = parser.head();
  if (!head.sink || head.body.empty()) co_return Status{};
  auto taking = head.sink->take(std::exchange(head.body, {}));
  co_return co_await std::move(taking);
}

Task<HttpResponse> Connection::call_handler(HttpRequest request) {
  ++shared_.counters.requests;
  const SteadyTime now = system_clock().now();
  io_.guard().pause();
  watch_->enter(Phase::handling, now, deadline_after(now, shared_.limits.request_timeout));
  const std::string what = request.method + " " + request.path;
  Result<HttpResponse> result;
  try {
    Task<HttpResponse> task = shared_.handler(std::move(request), watch_->request_token());
    result = co_await std::move(task);
  } catch (const std::exception& thrown) {
    // A cancelled handler ends by exception as it should; what else escapes is a bug that must end
    // this session only.
    if (watch_->was_cut()) throw;
    log::error("net", "A request handler threw.", {{"request", what}, {"cause", thrown.what()}});
    result = fail(Errc::internal, "The server failed at this request; its log says why.");
  }
  if (!result && watch_->cause() == Cause::deadline) {
    co_return text_response(503, "The request took longer than the server allows.\n");
  }
  if (!result) co_return failure_response(what, result.error());
  co_return std::move(*result);
}

Task<bool> Connection::respond(RequestTraits traits, HttpResponse response) {
  Framing framing = decide_framing(traits, response);
  Result<std::string> head = write_head(response, framing, system_clock().wall_now());
  if (!head) {
    log::error("net", head.error().message);
    response = error_response(head.error());
    framing = decide_framing(traits, response);
    head = write_head(response, framing, system_clock().wall_now());
  }
  watch_->enter(Phase::sending, system_clock().now());
  const Status sent = co_await send_response(*head, framing, std::move(response.body));
  io_.guard().pause();
  if (!sent) {
    if (sent.error().code != Errc::cancelled) {
      log::warn("net", "A response was cut.", {{"error", sent.error().to_string()}});
    }
    co_return fail(Error(sent.error()));
  }
  co_return framing.keep_alive;
}

std::optional<ReadyResponse> Connection::ready_response(RequestParser& parser) {
  if (!shared_.ready || parser.is_http_1_0() || watch_->asked_to_stop()) return std::nullopt;
  const HttpRequest& request = parser.head();
  if (request.method != "GET" || !request.body.empty()) return std::nullopt;
  try {
    return shared_.ready(request);
  } catch (const std::exception& thrown) {  // As in call_handler(), which is asked then.
    log::error("net", "A look for a ready response threw.",
               {{"request", request.path}, {"cause", thrown.what()}});
    return std::nullopt;
  }
}

// In one system call, without a step of a coroutine, as long as the client takes it all at once.
Task<bool> Connection::respond_ready(bool keep_alive, ReadyResponse response) {
  ++shared_.counters.requests;
  const SteadyTime now = system_clock().now();
  watch_->enter(Phase::sending, now);
  write_ready_head(response, keep_alive, system_clock().wall_now(), head_);
  const Pieces pieces{head_, as_text(*response.body), {}};
  const std::size_t total = pieces[0].size() + pieces[1].size();
  if (io_.send_now(pieces) < total) {
    const Status sent = co_await io_.send_rest(pieces);
    if (!sent) co_return fail(Error(sent.error()));
  }
  shared_.counters.body_bytes_sent += response.body->size();
  io_.guard().pause();
  // A client that never makes us wait must not keep others from their turn.
  if (++ready_in_a_row_ % kReadyTurn == 0) co_await asio::post(asio::use_awaitable);
  co_return keep_alive;
}

Task<void> Connection::send_response(const std::string& head, const Framing& framing, Body body) {
  auto* slices = std::get_if<std::vector<FileSlice>>(&body);
  auto* stream = std::get_if<StreamBody>(&body);
  if (stream != nullptr && framing.send_body) {
    co_return co_await send_stream(head, framing, std::move(*stream));
  }
  const auto* text = std::get_if<std::string>(&body);
  const bool with_slices = slices != nullptr && framing.send_body && !slices->empty();
  const bool with_text = text != nullptr && framing.send_body;
  const Pieces pieces{head, with_text ? std::string_view(*text) : std::string_view{}, {}};
  const Status begun = co_await io_.send(pieces, with_slices);
  if (!begun) co_return begun;
  if (with_text) shared_.counters.body_bytes_sent += text->size();
  if (!with_slices) co_return Status{};
  for (FileSlice& slice : *slices) {
    const std::uint64_t length = slice.length;
    const Status sent = co_await io_.send_slice(std::move(slice));
    if (!sent) co_return sent;
    shared_.counters.body_bytes_sent += length;
  }
  co_return Status{};
}

Task<void> Connection::send_stream(const std::string& head, const Framing& framing,
                                   StreamBody stream) {
  const Pieces pieces{head, {}, {}};
  const Status begun = co_await io_.send(pieces, false);
  if (!begun) co_return begun;
  watch_->enter(Phase::stream, system_clock().now());
  SocketBodyWriter writer(io_, framing.chunked, framing.length);
  Status made;
  try {
    Task<void> task = stream.write(writer);
    made = co_await std::move(task);
  } catch (const std::exception& thrown) {
    // As in call_handler(): the client sees the missing end.
    if (watch_->was_cut()) throw;
    made = fail(Errc::internal, "A streamed body threw: {}.", thrown.what());
  }
  if (made) made = co_await writer.finish();
  shared_.counters.body_bytes_sent += writer.bytes();
  co_return made;
}

// Closing with unread bytes in the kernel would reset the connection and destroy the response on
// its way: so the client may close first, for a while.
Task<void> Connection::linger() {
  const SteadyTime now = system_clock().now();
  const bool draining = shared_.draining.load();
  watch_->enter(Phase::closing, now, now + (draining ? kDrainLingerTime : kLingerTime));
  io_.shut_write();
  std::uint64_t ignored = 0;
  while (ignored < kLingerBytes) {
    io_.buffer().clear();
    const Result<std::size_t> count = co_await io_.read();
    if (!count || *count == 0) break;
    ignored += *count;
  }
  co_return Status{};
}

}  // namespace accel::net
