// SPDX-License-Identifier: Apache-2.0
#include "http2_session.hpp"

#include "accel/net/header_values.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

#include "header_syntax.hpp"
#include "response_head.hpp"

namespace accel::net {
namespace {

constexpr std::size_t kMaxHeaderFields = 200;      // As in HTTP/1.1: a browser sends about 20.
constexpr std::size_t kFieldOverhead = 32;         // RFC 9113 section 6.5.2 counts so.
constexpr std::size_t kOutputBytes = 64 * 1024;    // Frames that leave together.
constexpr std::int32_t kReceiveWindow = 1 << 20U;  // Of request bodies on their way.
constexpr std::int32_t kStreamWindow = 256 * 1024;
// A client that opens and resets requests faster than this for long is sent away.
constexpr std::uint64_t kResetBurst = 256;
constexpr std::uint64_t kResetsPerSecond = 32;
// Frames that wait to be sent. Each request has a few; who has more of them does not read.
constexpr std::size_t kMaxQueuedFrames = 512;
// Frames of a connection that are answered with a reset, as requests beyond kMaxHttp2Streams: a
// client may send some before it has read the settings.
constexpr std::size_t kMaxBadFrames = 1000;
constexpr std::array<std::string_view, 7> kNotInHttp2{
    "connection", "keep-alive", "proxy-connection", "transfer-encoding",
    "upgrade",    "date",       "content-length"};

struct FreeSession {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
struct FreeCallbacks {
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
};
struct FreeOption {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

std::string_view view_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv field_of(std::string_view name, std::string_view value) {
  // nghttp2 copies both; its struct has no const.
  auto* const name_bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
  auto* const value_bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
  return {name_bytes, value_bytes, name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// Borrows from the fields.
std::vector<nghttp2_nv> list_of(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<nghttp2_nv> list;
  list.reserve(fields.size());
  for (const auto& [name, value] : fields) list.push_back(field_of(name, value));
  return list;
}

HttpResponse refusal(int status, std::string_view sentence) {
  return text_response(status, std::string(sentence) + "\n");
}

}  // namespace

struct Http2Session::Impl {
  struct Stream {
    HttpRequest request;
    std::optional<HttpResponse> refused;
    std::size_t head_bytes = 0;
    std::uint64_t max_body = 0;
    bool receiving = true;  // The client has not ended its side.
    bool told = false;      // on_request was called.
    std::shared_ptr<Http2Body> body;
    std::shared_ptr<const Headers> trailers;
    std::shared_ptr<Http2Incoming> incoming;  // Of a live request.
  };

  Impl(const ServerLimits& server_limits, Http2Events server_events)
      : limits(server_limits), events(std::move(server_events)) {
    session = make_session();
    const std::array<nghttp2_settings_entry, 3> settings{
        {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxHttp2Streams},
         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(kStreamWindow)},
         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
          static_cast<std::uint32_t>(limits.max_header_bytes)}}};
    nghttp2_submit_settings(session.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session.get(), NGHTTP2_FLAG_NONE, 0, kReceiveWindow);
  }

  using SessionPtr = std::unique_ptr<nghttp2_session, FreeSession>;
  SessionPtr make_session();
  Stream* find(StreamId id) {
    const auto found = streams.find(id);
    return found == streams.end() ? nullptr : &found->second;
  }
  void field(StreamId id, std::string_view name, std::string_view value);
  void head_complete(StreamId id);
  void data(StreamId id, std::string_view bytes);
  void submit_trailers(StreamId id, const Headers& trailers);
  void end_of_request(StreamId id);
  void refuse(StreamId id, Stream& stream, HttpResponse answer);
  void tell(StreamId id, Stream& stream);
  void sent_end(StreamId id);
  void closed(StreamId id);
  void count_bad_frame();
  std::uint64_t& held_with(const Stream& stream) {
    return stream.max_body < limits.max_body_bytes ? held_limited_bytes : held_body_bytes;
  }
  ssize_t fill(StreamId id, std::span<std::uint8_t> out, std::uint32_t& flags);

  ServerLimits limits;
  Http2Events events;
  SessionPtr session;
  std::unordered_map<StreamId, Stream> streams;
  std::uint64_t held_body_bytes = 0;     // Of requests that are not told yet, on all streams.
  std::uint64_t held_limited_bytes = 0;  // The same, of those with a limit of their own.
  std::uint64_t sent_body_bytes = 0;
  std::size_t bad_frames = 0;
  std::string frames;  // What output() returned last.
};

namespace {

using Impl = Http2Session::Impl;

Impl& impl_of(void* user_data) { return *static_cast<Impl*>(user_data); }

bool is_request_head(const nghttp2_frame* frame) {
  return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

// nghttp2's callbacks: plain functions over the Impl.

int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  if (is_request_head(frame)) impl_of(user_data).streams.try_emplace(frame->hd.stream_id);
  return 0;
}

int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
              std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
              std::uint8_t, void* user_data) {
  // Trailers are dropped: they could pretend to be headers that were checked.
  if (!is_request_head(frame)) return 0;
  impl_of(user_data).field(frame->hd.stream_id, view_of(name, name_size),
                           view_of(value, value_size));
  return 0;
}

int on_frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  Impl& impl = impl_of(user_data);
  if (is_request_head(frame)) impl.head_complete(frame->hd.stream_id);
  const bool can_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (can_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    impl.end_of_request(frame->hd.stream_id);
  }
  return 0;
}

int on_bad_frame(nghttp2_session*, const nghttp2_frame*, int, void* user_data) {
  impl_of(user_data).count_bad_frame();
  return 0;
}

int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
            std::size_t size, void* user_data) {
  impl_of(user_data).data(id, view_of(bytes, size));
  return 0;
}

int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  const bool can_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (can_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    impl_of(user_data).sent_end(frame->hd.stream_id);
  }
  return 0;
}

// A response whose head the protocol can't carry, as one that is too large: without a word of it
// the client would wait for ever.
int on_frame_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void*) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                            NGHTTP2_INTERNAL_ERROR);
  return 0;
}

int on_stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* user_data) {
  impl_of(user_data).closed(id);
  return 0;
}

ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* out, std::size_t size,
                  std::uint32_t* flags, nghttp2_data_source*, void* user_data) {
  return impl_of(user_data).fill(id, {out, size}, *flags);
}

}  // namespace

Http2Session::Impl::SessionPtr Http2Session::Impl::make_session() {
  nghttp2_session_callbacks* made = nullptr;
  nghttp2_session_callbacks_new(&made);
  const std::unique_ptr<nghttp2_session_callbacks, FreeCallbacks> callbacks(made);
  nghttp2_session_callbacks_set_on_begin_headers_callback(made, &on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(made, &on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, &on_frame_received);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, &on_bad_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &on_data);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, &on_frame_sent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made, &on_frame_not_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, &on_stream_closed);
  nghttp2_option* chosen = nullptr;
  nghttp2_option_new(&chosen);
  const std::unique_ptr<nghttp2_option, FreeOption> option(chosen);
  nghttp2_option_set_stream_reset_rate_limit(chosen, kResetBurst, kResetsPerSecond);
  nghttp2_option_set_no_closed_streams(chosen, 1);
  nghttp2_option_set_no_auto_window_update(chosen, 1);  // data() says what was taken.
  nghttp2_session* opened = nullptr;
  nghttp2_session_server_new2(&opened, made, this, chosen);
  return SessionPtr(opened);
}

void Http2Session::Impl::field(StreamId id, std::string_view name, std::string_view value) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->refused) return;
  HttpRequest& request = stream->request;
  stream->head_bytes += name.size() + value.size() + kFieldOverhead;
  if (stream->head_bytes > limits.max_header_bytes || request.headers.size() == kMaxHeaderFields) {
    stream->refused = refusal(431, "The request's headers are too large.");
    return;
  }
  if (name == ":method") {
    request.method = value;
  } else if (name == ":path") {
    request.target = value;
  } else if (name == ":authority") {
    request.headers.set("host", std::string(value));
  } else if (name == "host" && request.headers.has("host")) {
    if (request.headers.get_or("host", "") != value) {
      stream->refused = refusal(400, "The request names two hosts.");
    }
  } else if (!name.starts_with(':')) {
    request.headers.add(std::string(name), std::string(value));
  }
}

void Http2Session::Impl::head_complete(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  HttpRequest& request = stream->request;
  const std::string_view target = request.target;
  const std::size_t question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  const bool is_path = target.starts_with('/') || (target == "*" && request.method == "OPTIONS");
  if (stream->refused) return refuse(id, *stream, std::move(*stream->refused));
  if (!is_path || target.find('#') != std::string_view::npos) {
    return refuse(id, *stream, refusal(400, "The request target is no path."));
  }
  if (!request.headers.has("host")) {
    return refuse(id, *stream, refusal(400, "A request needs an :authority."));
  }
  if (const Status admitted = events.on_head(request); !admitted) {
    return refuse(id, *stream, error_response(admitted.error()));
  }
  stream->max_body = limits.max_body_bytes;
  if (events.body_limit) stream->max_body = std::min(stream->max_body, events.body_limit(request));
  if (announces_more_than(request.headers, stream->max_body)) {
    return refuse(id, *stream, refusal(413, "The request's body is too large."));
  }
  if (!events.is_live || !events.is_live(request)) {
    if (events.hold_body) request.held = events.hold_body(request);
    return;
  }
  stream->incoming = std::make_shared<Http2Incoming>();
  tell(id, *stream);
}

void Http2Session::Impl::data(StreamId id, std::string_view bytes) {
  Stream* const stream = find(id);
  const bool live = stream != nullptr && stream->incoming;
  // A live body holds back its own stream only.
  nghttp2_session_consume_connection(session.get(), bytes.size());
  if (live) {
    if (stream->incoming->unwanted) return;  // Its window stays used: no more than that comes.
    stream->incoming->bytes += bytes;
    if (stream->incoming->changed) stream->incoming->changed();
    return;
  }
  nghttp2_session_consume_stream(session.get(), id, bytes.size());
  if (stream == nullptr || stream->told) return;  // Refused: what still comes is dropped.
  stream->request.body += bytes;
  std::uint64_t& held = held_with(*stream);
  held += bytes.size();
  if (held > stream->max_body) {
    return refuse(id, *stream, refusal(413, "The bodies of the requests are too large together."));
  }
  HeldBody* const counted = stream->request.held.get();
  const Status kept = counted == nullptr ? Status{} : counted->hold(stream->request.body.size());
  if (!kept) refuse(id, *stream, error_response(kept.error()));
}

void Http2Session::Impl::end_of_request(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->receiving = false;
  if (!stream->told) tell(id, *stream);
  if (!stream->incoming) return;
  stream->incoming->ended = true;
  if (stream->incoming->changed) stream->incoming->changed();
}

void Http2Session::Impl::refuse(StreamId id, Stream& stream, HttpResponse answer) {
  if (stream.told) return;
  stream.refused = std::move(answer);
  tell(id, stream);
}

void Http2Session::Impl::tell(StreamId id, Stream& stream) {
  stream.told = true;
  held_with(stream) -= stream.request.body.size();
  if (stream.refused) stream.request.body.clear();
  events.on_request(id, std::move(stream.request), std::move(stream.refused));
}

// The answer went out before the request ended: nobody wants the rest of it.
void Http2Session::Impl::sent_end(StreamId id) {
  const Stream* const stream = find(id);
  if (stream == nullptr || !stream->receiving) return;
  nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
}

void Http2Session::Impl::closed(StreamId id) {
  const auto found = streams.find(id);
  if (found == streams.end()) return;
  const bool told = found->second.told;
  if (!told) held_with(found->second) -= found->second.request.body.size();
  const auto incoming = std::move(found->second.incoming);
  streams.erase(found);
  if (incoming) {
    incoming->closed = true;
    if (incoming->changed) incoming->changed();
  }
  if (told) events.on_closed(id);
}

void Http2Session::Impl::count_bad_frame() {
  if (++bad_frames != kMaxBadFrames) return;
  nghttp2_session_terminate_session(session.get(), NGHTTP2_ENHANCE_YOUR_CALM);
}

ssize_t Http2Session::Impl::fill(StreamId id, std::span<std::uint8_t> out, std::uint32_t& flags) {
  const Stream* const stream = find(id);
  if (stream == nullptr || !stream->body) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const Result<std::size_t> taken = stream->body->take(out);
  if (!taken) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // Resets this stream only.
  sent_body_bytes += *taken;
  if (stream->body->finished()) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->trailers) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      submit_trailers(id, *stream->trailers);
    }
  }
  if (*taken == 0 && !stream->body->finished()) return NGHTTP2_ERR_DEFERRED;
  return static_cast<ssize_t>(*taken);
}

void Http2Session::Impl::submit_trailers(StreamId id, const Headers& trailers) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const HeaderField& field : trailers) {
    if (is_valid_field(field)) fields.emplace_back(to_lower_ascii(field.name), field.value);
  }
  const std::vector<nghttp2_nv> list = list_of(fields);
  nghttp2_submit_trailer(session.get(), id, list.data(), list.size());
}

Http2Session::Http2Session(const ServerLimits& limits, Http2Events events)
    : impl_(std::make_unique<Impl>(limits, std::move(events))) {}
Http2Session::~Http2Session() = default;

Status Http2Session::feed(std::string_view bytes) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const ssize_t taken = nghttp2_session_mem_recv(impl_->session.get(), data, bytes.size());
  if (taken < 0) {
    return fail(Errc::protocol, "The client broke HTTP/2: {}.",
                nghttp2_strerror(static_cast<int>(taken)));
  }
  return {};
}

Result<std::string_view> Http2Session::output() {
  impl_->frames.clear();
  while (impl_->frames.size() < kOutputBytes) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(impl_->session.get(), &frame);
    if (size < 0) {
      return fail(Errc::protocol, "HTTP/2 can't go on: {}.",
                  nghttp2_strerror(static_cast<int>(size)));
    }
    if (size == 0) break;
    impl_->frames += view_of(frame, static_cast<std::size_t>(size));
  }
  return std::string_view(impl_->frames);
}

Status Http2Session::respond(StreamId stream, const HttpResponse& head,
                             std::optional<std::uint64_t> length, std::shared_ptr<Http2Body> body) {
  std::vector<std::pair<std::string, std::string>> fields;
  fields.emplace_back(":status", std::to_string(head.status));
  fields.emplace_back("date", http_date(system_clock().wall_now()));
  for (const HeaderField& field : head.headers) {
    if (!is_valid_field(field)) {
      return fail(Errc::internal, "A response header has a name or value that HTTP can't carry.");
    }
    std::string name = to_lower_ascii(field.name);
    if (std::ranges::find(kNotInHttp2, name) != kNotInHttp2.end()) continue;
    fields.emplace_back(std::move(name), field.value);
  }
  if (length) fields.emplace_back("content-length", std::to_string(*length));
  const std::vector<nghttp2_nv> list = list_of(fields);

  Impl::Stream* const open = impl_->find(stream);
  if (open == nullptr) return {};  // The client took its request back.
  open->body = std::move(body);
  open->trailers = head.trailers;
  const nghttp2_data_provider provider{{.ptr = nullptr}, &read_body};
  const int submitted = nghttp2_submit_response(impl_->session.get(), stream, list.data(),
                                                list.size(), open->body ? &provider : nullptr);
  if (submitted != 0) {
    return fail(Errc::internal, "An HTTP/2 response can't be sent: {}.",
                nghttp2_strerror(submitted));
  }
  return {};
}

std::shared_ptr<Http2Incoming> Http2Session::incoming(StreamId stream) {
  Impl::Stream* const open = impl_->find(stream);
  return open == nullptr ? nullptr : open->incoming;
}

void Http2Session::consume(StreamId stream, std::size_t bytes) {
  nghttp2_session_consume_stream(impl_->session.get(), stream, bytes);
}

void Http2Session::body_grew(StreamId stream) {
  nghttp2_session_resume_data(impl_->session.get(), stream);
}

void Http2Session::abort(StreamId stream) {
  nghttp2_submit_rst_stream(impl_->session.get(), NGHTTP2_FLAG_NONE, stream,
                            NGHTTP2_INTERNAL_ERROR);
}

void Http2Session::go_away() {
  const std::int32_t last = nghttp2_session_get_last_proc_stream_id(impl_->session.get());
  nghttp2_submit_goaway(impl_->session.get(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr,
                        0);
}

std::size_t Http2Session::open_streams() const { return impl_->streams.size(); }

bool Http2Session::is_over() const {
  nghttp2_session* const session = impl_->session.get();
  return nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0;
}

bool Http2Session::is_receiving() const {
  return std::ranges::any_of(impl_->streams, [](const auto& entry) {
    return entry.second.receiving && !entry.second.incoming;
  });
}

bool Http2Session::is_backed_up() const {
  return impl_->bad_frames >= kMaxBadFrames ||
         nghttp2_session_get_outbound_queue_size(impl_->session.get()) > kMaxQueuedFrames;
}

bool Http2Session::has_waiting_bytes() const {
  return std::ranges::any_of(impl_->streams, [](const auto& entry) {
    return entry.second.body && entry.second.body->waiting() > 0;
  });
}

std::uint64_t Http2Session::body_bytes_sent() const { return impl_->sent_body_bytes; }

}  // namespace accel::net
