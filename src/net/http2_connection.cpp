// SPDX-License-Identifier: Apache-2.0
#include "http2_connection.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "body_count.hpp"
#include "response_head.hpp"

namespace accel::net {
namespace {

// What a StreamBody may be ahead of the client's windows.
constexpr std::uint64_t kAheadBytes = 256 * 1024;
// Handlers of requests that the client took back run on until they notice.
constexpr std::size_t kMaxHandlers = 2 * kMaxHttp2Streams;
constexpr std::size_t kLoops = 2;  // The tasks that are no handlers.
// A client that takes all at once never makes us wait: after so much others get their turn.
constexpr std::uint64_t kFairBytes = 1024 * 1024;

SteadyTime time_after(Duration limit) {
  return limit > Duration::zero() ? system_clock().now() + limit : SteadyTime::max();
}

}  // namespace

struct Http2Connection::Exchange {
  Exchange(const Executor& executor, StreamId stream, bool is_head)
      : id(stream), head(is_head), room(executor) {}

  StreamId id;
  bool head;            // HEAD: no body is sent.
  bool closed = false;  // The client took the request back, or has the whole answer.
  std::stop_source stop;
  Wakeup room;  // The body's queue has become shorter, or the stream was closed.
  std::shared_ptr<Http2Body> body = std::make_shared<Http2Body>();
};

// BodyWriter over a stream: into the queue, then wait while it is long.
class Http2Connection::StreamWriter final : public BodyWriter {
 public:
  StreamWriter(Http2Connection& connection, ExchangePtr exchange,
               std::optional<std::uint64_t> length)
      : connection_(connection), exchange_(std::move(exchange)), count_(length) {}

  Task<void> write(std::string chunk) override {
    ACCEL_CO_CHECK(count_.add(chunk.size()));
    exchange_->body->push(std::move(chunk));
    co_return co_await wait_for_room();
  }

  Task<void> send(FileSlice slice) override {
    ACCEL_CO_CHECK(count_.add(slice.length));
    exchange_->body->push(std::move(slice));
    co_return co_await wait_for_room();
  }

  // Errors: internal when fewer bytes came than were announced.
  Status finish() const { return count_.check_all(); }

 private:
  Task<void> wait_for_room() {
    connection_.session_.body_grew(exchange_->id);
    connection_.output_.call();
    while (!exchange_->closed && exchange_->body->waiting() > kAheadBytes) {
      const Status waited = co_await exchange_->room.wait();
      if (!waited) co_return waited;
    }
    if (!exchange_->closed) co_return Status{};
    co_return fail(Errc::cancelled, "The client took its request back.");
  }

  Http2Connection& connection_;
  ExchangePtr exchange_;
  BodyCount count_;
};

// BodySource over a stream: what came waits in the session's buffer, at most a window of it.
class Http2Connection::Source final : public BodySource {
 public:
  Source(Http2Connection& connection, StreamId stream, std::shared_ptr<Http2Incoming> incoming)
      : connection_(connection),
        stream_(stream),
        incoming_(std::move(incoming)),
        changed_(connection.executor_) {
    incoming_->changed = [this] { changed_.call(); };
  }
  ~Source() override {
    incoming_->changed = nullptr;
    incoming_->unwanted = true;
    incoming_->bytes = {};
  }

  std::string take() override {
    std::string bytes = std::exchange(incoming_->bytes, {});
    if (!bytes.empty() && !incoming_->closed) {
      connection_.session_.consume(stream_, bytes.size());
      connection_.output_.call();
    }
    return bytes;
  }

  bool ended() const override { return incoming_->ended && incoming_->bytes.empty(); }

  Task<void> wait() override {
    while (incoming_->bytes.empty() && !incoming_->ended && !incoming_->closed) {
      const Status waited = co_await changed_.wait();
      if (!waited) co_return waited;
    }
    if (!incoming_->bytes.empty() || incoming_->ended) co_return Status{};
    co_return fail(Errc::cancelled, "The client took its request back.");
  }

 private:
  Http2Connection& connection_;
  StreamId stream_;
  std::shared_ptr<Http2Incoming> incoming_;  // Owners: this and the session.
  Wakeup changed_;
};

Http2Connection::Http2Connection(Executor executor, ConnectionIo& io, ConnectionWatch& watch,
                                 const Peer& peer, ConnectionShared& shared)
    : executor_(executor),
      io_(io),
      watch_(watch),
      peer_(peer),
      shared_(shared),
      session_(shared.limits, events()),
      output_(executor),
      drained_(executor),
      send_guard_(shared.limits.stall_timeout, shared.limits.min_progress_bytes),
      receive_guard_(shared.limits.stall_timeout, shared.limits.min_progress_bytes),
      idle_until_(time_after(shared.limits.header_timeout)),
      tasks_(std::move(executor), "net http2") {}

Http2Events Http2Connection::events() {
  Http2Events events;
  events.on_head = [this](HttpRequest& head) {
    head.remote = peer_.name;
    head.over_unix_socket = peer_.over_unix_socket;
    return admit(shared_, head, watch_);
  };
  events.is_live = [this](const HttpRequest& head) { return shared_.live && shared_.live(head); };
  events.body_limit = shared_.body_limit;
  events.hold_body = shared_.hold_body;
  events.on_request = [this](StreamId stream, HttpRequest request,
                             std::optional<HttpResponse> refusal) {
    pending_.push_back({stream, std::move(request), std::move(refusal)});
  };
  events.on_closed = [this](StreamId stream) {
    std::erase_if(pending_, [stream](const Pending& one) { return one.stream == stream; });
    const auto found = open_.find(stream);
    if (found == open_.end()) return;
    found->second->closed = true;
    found->second->stop.request_stop();
    found->second->room.call();
    open_.erase(found);
  };
  return events;
}

Task<void> Http2Connection::run() {
  // The server asks all connections to stop when it drains for too long.
  on_stop_.emplace(watch_.request_token(), [this, alive = std::weak_ptr<bool>(alive_)] {
    asio::post(executor_, [this, alive] {
      if (!alive.expired()) ask_all_to_stop();
    });
  });
  tasks_.spawn(read_loop());
  tasks_.spawn(write_loop());
  Task<void> ended = tasks_.join();
  const Status left = co_await std::move(ended);
  on_stop_.reset();
  co_return left;
}

void Http2Connection::ask_all_to_stop() {
  for (const auto& [stream, exchange] : open_) exchange->stop.request_stop();
}

Task<void> Http2Connection::read_loop() {
  Status fed;
  while (fed && !session_.is_over() && !has_too_many_handlers()) {
    Task<void> draining = wait_until_drained();
    const Status drained = co_await std::move(draining);
    if (!drained) break;
    const std::string_view bytes = io_.buffer().view();
    if (bytes.empty()) {
      const Result<std::size_t> count = co_await io_.read();
      if (!count || *count == 0) break;
      continue;
    }
    if (session_.is_receiving()) receive_guard_.moved(bytes.size());
    fed = session_.feed(bytes);
    io_.buffer().consume(bytes.size());
    start_pending();
    output_.call();
  }
  tasks_.cancel();  // Without a reader there is nobody to answer.
  co_return Status{};
}

// Whoever does not read our frames is not read: the queue of them has an end, and the time for
// taking them is the writer's, which no byte that comes makes longer.
Task<void> Http2Connection::wait_until_drained() {
  while (session_.is_backed_up() && !session_.is_over()) {
    const Status woken = co_await drained_.wait();
    if (!woken) co_return woken;
  }
  co_return Status{};
}

// A client that opens requests and takes them back keeps our handlers busy, not itself.
bool Http2Connection::has_too_many_handlers() const {
  return tasks_.running() > kMaxHandlers + kLoops;
}

void Http2Connection::start_pending() {
  for (Pending& one : std::exchange(pending_, {})) {
    start(one.stream, std::move(one.request), std::move(one.refusal));
  }
}

void Http2Connection::start(StreamId stream, HttpRequest request,
                            std::optional<HttpResponse> refusal) {
  ++shared_.counters.requests;
  auto exchange = std::make_shared<Exchange>(executor_, stream, request.method == "HEAD");
  open_.emplace(stream, exchange);
  if (refusal) {
    if (shared_.shape) *refusal = shared_.shape(request, std::move(*refusal), std::nullopt);
    send_response(exchange, std::move(*refusal));
    return;
  }
  if (auto incoming = session_.incoming(stream))
    request.source = std::make_shared<Source>(*this, stream, std::move(incoming));
  tasks_.spawn(serve(std::move(exchange), std::move(request)));
}

Task<void> Http2Connection::serve(ExchangePtr exchange, HttpRequest request) {
  Result<HttpResponse> made = co_await call_handler(exchange, std::move(request));
  if (exchange->closed) co_return Status{};
  HttpResponse response = std::move(*made);
  StreamBody stream;
  if (auto* const body = std::get_if<StreamBody>(&response.body)) {
    stream = std::exchange(*body, StreamBody{{}, body->length});
  }
  const bool body_follows = send_response(exchange, std::move(response));
  if (!body_follows || !stream.write) co_return Status{};
  co_return co_await write_stream(std::move(exchange), std::move(stream));
}

Task<HttpResponse> Http2Connection::call_handler(ExchangePtr exchange, HttpRequest request) {
  const std::string what = request.method + " " + request.path;
  HttpRequest head;  // For `shape`, as the handler takes the request.
  if (shared_.shape) {
    head.method = request.method;
    head.path = request.path;
    head.headers = request.headers;
  }
  Result<HttpResponse> result;
  try {
    Task<HttpResponse> task = shared_.handler(std::move(request), exchange->stop.get_token());
    const Duration limit = shared_.limits.request_timeout;
    if (limit > Duration::zero()) {
      Task<HttpResponse> bounded = with_timeout(std::move(task), limit);
      result = co_await std::move(bounded);
    } else {
      result = co_await std::move(task);
    }
  } catch (const std::exception& thrown) {
    if (watch_.was_cut()) throw;
    log::error("net", "A request handler threw.", {{"request", what}, {"cause", thrown.what()}});
    result = fail(Errc::internal, "The server failed at this request; its log says why.");
  }
  if (result) co_return std::move(*result);
  HttpResponse failed = answer_to_failure(what, result.error());
  if (shared_.shape) failed = shared_.shape(head, std::move(failed), result.error().code);
  co_return failed;
}

HttpResponse Http2Connection::answer_to_failure(const std::string& request, const Error& error) {
  if (error.code != Errc::timeout) return failure_response(request, error);
  ++shared_.counters.timeouts;
  return text_response(503, "The request took longer than the server allows.\n");
}

bool Http2Connection::send_response(const ExchangePtr& exchange, HttpResponse response) {
  const RequestTraits traits{.head = exchange->head};
  const Framing framing = decide_framing(traits, response);
  const bool with_body = framing.send_body && framing.length != 0U;
  auto body = with_body ? exchange->body : nullptr;
  const auto length = response.trailers ? std::nullopt : framing.length;
  const Status sent = session_.respond(exchange->id, response, length, std::move(body));
  if (!sent) {
    log::error("net", sent.error().message);
    session_.abort(exchange->id);
  }
  if (sent && with_body) start_body(exchange, std::move(response.body));
  output_.call();
  return sent && with_body;
}

void Http2Connection::start_body(const ExchangePtr& exchange, Body body) {
  if (std::holds_alternative<StreamBody>(body)) return;  // write_stream() fills it.
  if (auto* text = std::get_if<std::string>(&body)) exchange->body->push(std::move(*text));
  if (auto* slices = std::get_if<std::vector<FileSlice>>(&body)) {
    for (FileSlice& slice : *slices) exchange->body->push(std::move(slice));
  }
  exchange->body->end();
}

Task<void> Http2Connection::write_stream(ExchangePtr exchange, StreamBody stream) {
  StreamWriter writer(*this, exchange, stream.length);
  Status made;
  try {
    Task<void> task = stream.write(writer);
    made = co_await std::move(task);
  } catch (const std::exception& thrown) {
    // As in call_handler(): the client sees that the answer is incomplete.
    if (watch_.was_cut()) throw;
    made = fail(Errc::internal, "A streamed body threw: {}.", thrown.what());
  }
  if (made) made = writer.finish();
  if (exchange->closed) co_return Status{};
  if (made) {
    exchange->body->end();
    session_.body_grew(exchange->id);
  } else {
    log::debug("net", "A streamed body failed.", {{"error", made.error().to_string()}});
    session_.abort(exchange->id);
  }
  output_.call();
  co_return Status{};
}

Task<void> Http2Connection::write_loop() {
  std::uint64_t since_turn = 0;
  while (true) {
    if (shared_.draining.load() && !std::exchange(said_goodbye_, true)) session_.go_away();
    const Result<std::string_view> frames = session_.output();
    if (!frames || (frames->empty() && session_.is_over())) break;
    note_sent();
    if (!session_.is_backed_up()) drained_.call();
    if (frames->empty()) {
      since_turn = 0;
      set_deadline();
      const Status woken = co_await output_.wait();
      if (!woken) break;
      continue;
    }
    since_turn += frames->size();
    const Pieces pieces{*frames, {}, {}};
    const Status written = co_await io_.send(pieces, false);
    if (!written) break;
    if (since_turn < kFairBytes) continue;
    since_turn = 0;
    co_await asio::post(asio::use_awaitable);
  }
  tasks_.cancel();
  co_return Status{};
}

// Response bytes became frames: who waits for room has some.
void Http2Connection::note_sent() {
  const std::uint64_t sent = session_.body_bytes_sent();
  const std::uint64_t more = sent - std::exchange(sent_before_, sent);
  if (more == 0) return;
  send_guard_.moved(more);
  shared_.counters.body_bytes_sent += more;
  for (const auto& [stream, exchange] : open_) exchange->room.call();
}

// There is nothing to write: until when may that last?
void Http2Connection::set_deadline() {
  const SteadyTime now = system_clock().now();
  if (session_.open_streams() == 0) {
    // What is no request (a ping) does not make the idle time longer.
    if (watch_.phase() != Phase::idle) idle_until_ = time_after(shared_.limits.idle_timeout);
    watch_.enter(Phase::idle, now, idle_until_);
    return;
  }
  SteadyTime deadline = SteadyTime::max();
  if (session_.has_waiting_bytes()) {
    deadline = send_guard_.wait_until(now);
  } else {
    send_guard_.pause();
  }
  if (session_.is_receiving()) {
    deadline = std::min(deadline, receive_guard_.wait_until(now));
  } else {
    receive_guard_.pause();
  }
  watch_.enter(Phase::sending, now, deadline);
}

}  // namespace accel::net
