// SPDX-License-Identifier: Apache-2.0
#include "yamux_session.hpp"

#include <algorithm>

namespace accel::libp2p {
namespace {

// Half a window that is used up within so many round trips: the window is what holds the sender.
constexpr int kGrowWithinRoundTrips = 4;
constexpr YamuxSession::StreamId kLastStreamId = 0xfffffff0U;

std::uint8_t code(YamuxType type) { return static_cast<std::uint8_t>(type); }

tl::unexpected<Error> was_reset() {
  return fail(Errc::unavailable, "The stream was reset, or its connection has gone.");
}

}  // namespace

YamuxSession::~YamuxSession() { give_back(buffered_); }

void YamuxSession::give_back(std::size_t bytes) {
  buffered_ -= bytes;
  if (options_.budget != nullptr) options_.budget->used -= bytes;
}

YamuxSession::Stream* YamuxSession::find(StreamId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

Status YamuxSession::violation(std::string what) {
  broken_ = true;
  go_away(YamuxGoAway::protocol_error);
  return fail(Errc::protocol, "The peer broke the rules of Yamux: {}.", what);
}

void YamuxSession::tell(YamuxEvent::Kind kind, StreamId id) { events_.push_back({kind, id}); }

std::vector<YamuxEvent> YamuxSession::take_events() { return std::exchange(events_, {}); }

void YamuxSession::send_frame(const YamuxHeader& header) {
  put_yamux_header(output_.extend(kYamuxHeaderBytes), header);
}

void YamuxSession::take_output(RawBuffer& out) {
  out.clear();
  out.swap(output_);
  queued_data_ = 0;
  for (std::deque<StreamId> waiting = std::exchange(writers_, {}); const StreamId id : waiting) {
    Stream* const stream = find(id);
    if (stream == nullptr || !stream->wants_to_write) continue;
    stream->wants_to_write = false;
    tell(YamuxEvent::Kind::writable, id);
  }
}

Status YamuxSession::receive(ByteView bytes, SteadyTime now) {
  if (broken_) return fail(Errc::protocol, "The Yamux session has ended.");
  while (!bytes.empty()) {
    if (body_left_ > 0) {
      const ByteView part = bytes.first(std::min(bytes.size(), body_left_));
      take_body(part);
      bytes = bytes.subspan(part.size());
      continue;
    }
    const std::size_t part = std::min(bytes.size(), kYamuxHeaderBytes - head_size_);
    std::copy_n(bytes.begin(), part, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
    head_size_ += part;
    bytes = bytes.subspan(part);
    if (head_size_ < kYamuxHeaderBytes) return {};
    head_size_ = 0;
    ACCEL_CHECK(handle(read_yamux_header(head_), now));
    if (output_.size() - queued_data_ > kYamuxMaxQueuedControl) {
      return violation("more to answer than it reads");
    }
  }
  return {};
}

Status YamuxSession::handle(const YamuxHeader& header, SteadyTime now) {
  if (header.version != 0) return violation(fmt::format("version {}", header.version));
  switch (header.type) {
    case static_cast<std::uint8_t>(YamuxType::data):
    case static_cast<std::uint8_t>(YamuxType::window_update):
      return handle_stream_frame(header, now);
    case static_cast<std::uint8_t>(YamuxType::ping):
      return handle_ping(header, now);
    case static_cast<std::uint8_t>(YamuxType::go_away):
      peer_goes_away_ = true;
      return {};
    default:
      return violation(fmt::format("a frame of type {}", header.type));
  }
}

Status YamuxSession::handle_ping(const YamuxHeader& header, SteadyTime now) {
  if (header.has(kYamuxSyn)) {
    send_frame({0, code(YamuxType::ping), kYamuxAck, 0, header.length});
  } else if (header.has(kYamuxAck) && ping_sent_ && header.length == ping_id_) {
    const Duration took = now - *ping_sent_;
    // The least one: what waits in queues must not widen windows.
    round_trip_ = round_trip_ ? std::min(*round_trip_, took) : took;
    ping_sent_.reset();
  }
  return {};
}

Status YamuxSession::handle_stream_frame(const YamuxHeader& header, SteadyTime now) {
  if (header.stream == 0) return violation("a stream without a number");
  if (header.has(kYamuxSyn)) ACCEL_CHECK(accept(header, now));
  Stream* const stream = find(header.stream);
  if (header.has(kYamuxRst)) {
    if (stream != nullptr && !stream->reset) {
      drop(*stream);
      tell(YamuxEvent::Kind::reset, header.stream);
    }

  } else if (header.has(kYamuxAck) && stream != nullptr && stream->outbound &&
             !stream->acknowledged) {
    stream->acknowledged = true;
    --unacknowledged_;
    tell(YamuxEvent::Kind::openable, header.stream);
  }
  if (header.type == code(YamuxType::data)) return begin_data(header);
  ACCEL_CHECK(widen(header.stream, header.length));
  frame_ = header;
  finish_frame();
  return {};
}

Status YamuxSession::accept(const YamuxHeader& header, SteadyTime now) {
  if (is_own(header.stream)) return violation("a stream with a number of ours");
  // Numbers may come out of order: go-yamux takes them before it sends.
  if (streams_.contains(header.stream)) return violation("a stream's number twice");
  last_accepted_ = std::max(last_accepted_, header.stream);
  if (went_away_ || streams_.size() >= options_.max_streams) {
    send_frame({0, code(YamuxType::window_update), kYamuxRst, header.stream, 0});
    return {};
  }
  Stream& stream = streams_[header.stream];
  stream.acknowledged = true;
  stream.last_update = now;
  send_frame({0, code(YamuxType::window_update), kYamuxAck, header.stream, 0});
  tell(YamuxEvent::Kind::accepted, header.stream);
  return {};
}

Status YamuxSession::begin_data(const YamuxHeader& header) {
  Stream* const stream = find(header.stream);
  frame_ = header;
  body_left_ = header.length;
  if (stream == nullptr) {
    // What was on its way when we let the stream go is read and dropped; a stream that never was,
    // is none.
    const bool never =
        is_own(header.stream) ? header.stream >= next_ : header.stream > last_accepted_;
    if (never) return violation("data for a stream that was never opened");
    if (header.length > kYamuxMaxWindow) return violation("more data than any window holds");
    if (header.length > 0 && !header.has(kYamuxRst)) {
      send_frame({0, code(YamuxType::window_update), kYamuxRst, header.stream, 0});
    }
  } else {
    if (header.length > stream->credit) return violation("more data than the window holds");
    if (header.length > 0 && stream->remote_closed && !stream->reset) {
      return violation("data after the end of a stream");
    }
    stream->credit -= header.length;
  }
  if (body_left_ == 0) finish_frame();
  return {};
}

bool YamuxSession::has_room_for(std::size_t bytes) const {
  return options_.budget == nullptr || options_.budget->used + bytes <= options_.budget->limit;
}

YamuxSession::Holder YamuxSession::largest() const {
  Holder most;
  for (const auto& [id, stream] : streams_) {
    if (stream.received.size() > most.bytes) most = {id, stream.received.size()};
  }
  return most;
}

void YamuxSession::evict(StreamId id) {
  reset(id);
  tell(YamuxEvent::Kind::reset, id);
}

void YamuxSession::take_body(ByteView part) {
  body_left_ -= part.size();
  Stream* stream = find(frame_.stream);
  if (stream != nullptr && !stream->reset) {
    const bool own_room = buffered_ + part.size() <= options_.max_buffered_bytes;
    if (own_room && !has_room_for(part.size()) && options_.budget->make_room) {
      options_.budget->make_room(stream->received.size() + part.size());
    }
    if (stream->reset) {
      // It was the one that held most.
    } else if (!own_room || !has_room_for(part.size())) {
      evict(frame_.stream);
    } else {
      stream->received.push(part);
      buffered_ += part.size();
      if (options_.budget != nullptr) options_.budget->used += part.size();
      if (!std::exchange(stream->readable_told, true)) {
        tell(YamuxEvent::Kind::readable, frame_.stream);
      }
    }
  }
  if (body_left_ == 0) finish_frame();
}

void YamuxSession::finish_frame() {
  Stream* const stream = find(frame_.stream);
  if (!frame_.has(kYamuxFin) || stream == nullptr || stream->remote_closed) return;
  stream->remote_closed = true;
  tell(YamuxEvent::Kind::readable, frame_.stream);
}

Status YamuxSession::widen(StreamId id, std::uint32_t delta) {
  Stream* const stream = find(id);
  if (stream == nullptr || delta == 0) return {};
  if (delta > std::uint32_t{0xffffffffU} - stream->send_window) {
    return violation("a window beyond 32 bits");
  }
  stream->send_window += delta;
  if (std::exchange(stream->wants_to_write, false)) tell(YamuxEvent::Kind::writable, id);
  return {};
}

// Forgets what a reset stream holds; the owner learns of it and releases the rest.
void YamuxSession::drop(Stream& stream) {
  give_back(stream.received.size());
  stream.received = {};
  granted_ -= stream.receive_window - kYamuxInitialWindow;
  stream.receive_window = kYamuxInitialWindow;
  stream.reset = true;
  if (stream.outbound && !std::exchange(stream.acknowledged, true)) {
    --unacknowledged_;
    tell(YamuxEvent::Kind::openable, 0);
  }
}

Result<YamuxSession::StreamId> YamuxSession::open() {
  if (broken_ || peer_goes_away_ || went_away_) {
    return fail(Errc::unavailable, "The connection takes no new streams any more.");
  }
  if (streams_.size() >= options_.max_streams || unacknowledged_ >= kYamuxAckBacklog ||
      next_ >= kLastStreamId) {
    return fail(Errc::resource_exhausted, "The connection has too many streams.");
  }
  const StreamId id = next_;
  next_ += 2;
  Stream& stream = streams_[id];
  stream.outbound = true;
  ++unacknowledged_;
  send_frame({0, code(YamuxType::window_update), kYamuxSyn, id, 0});
  return id;
}

Result<std::size_t> YamuxSession::write(StreamId id, ByteView bytes) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->reset || broken_) return was_reset();
  if (stream->local_closed) {
    return fail(Errc::invalid_argument, "The stream is closed for writing already.");
  }
  if (bytes.empty()) return 0;
  const std::size_t room =
      kYamuxMaxQueuedData > queued_data_ ? kYamuxMaxQueuedData - queued_data_ : 0;
  const std::size_t part =
      std::min({bytes.size(), std::size_t{stream->send_window}, room, kYamuxMaxFrame});
  if (part == 0) {
    stream->wants_to_write = true;
    if (room == 0) writers_.push_back(id);
    return 0;
  }
  stream->send_window -= static_cast<std::uint32_t>(part);
  queued_data_ += part;
  send_frame({0, code(YamuxType::data), 0, id, static_cast<std::uint32_t>(part)});
  output_.append(bytes.first(part));
  return part;
}

Result<std::optional<std::size_t>> YamuxSession::read(StreamId id, std::span<std::byte> into,
                                                      SteadyTime now) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->reset) return was_reset();
  const std::size_t count = stream->received.pop(into);
  if (count == 0) {
    stream->readable_told = false;
    if (stream->remote_closed) return 0;
    if (broken_) return was_reset();
    return std::nullopt;
  }
  give_back(count);
  send_window(id, *stream, now);
  return count;
}

std::uint32_t YamuxSession::wider(const Stream& stream, SteadyTime now) const {
  const std::uint32_t doubled = std::min(stream.receive_window * 2, kYamuxMaxWindow);
  const std::size_t more = doubled - stream.receive_window;
  const bool fast = round_trip_ && now - stream.last_update < kGrowWithinRoundTrips * *round_trip_;
  // Half of what may be buffered is for windows that grew, the other half for those that did not.
  const bool affordable = granted_ + more <= options_.max_buffered_bytes / 2;
  return fast && affordable ? doubled : stream.receive_window;
}

void YamuxSession::send_window(StreamId id, Stream& stream, SteadyTime now) {
  const std::size_t held = stream.credit + stream.received.size();
  if (stream.remote_closed || held > stream.receive_window / 2) return;
  const std::uint32_t target = wider(stream, now);
  granted_ += target - stream.receive_window;
  stream.receive_window = target;
  stream.last_update = now;
  const auto delta = static_cast<std::uint32_t>(target - held);
  stream.credit += delta;
  send_frame({0, code(YamuxType::window_update), 0, id, delta});
}

Status YamuxSession::close_write(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->reset || broken_) return was_reset();
  if (std::exchange(stream->local_closed, true)) return {};
  send_frame({0, code(YamuxType::window_update), kYamuxFin, id, 0});
  return {};
}

void YamuxSession::reset(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->reset) return;
  const bool over = stream->local_closed && stream->remote_closed;
  if (!over) send_frame({0, code(YamuxType::window_update), kYamuxRst, id, 0});
  drop(*stream);
}

void YamuxSession::release(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  // Closed for writing: the peer may go on to read what we sent; if it writes, it is told.
  if (!stream->local_closed) reset(id);
  if (!stream->reset) drop(*stream);
  streams_.erase(id);
  tell(YamuxEvent::Kind::openable, 0);
}

bool YamuxSession::ping(SteadyTime now, std::uint32_t id) {
  if (ping_sent_) return false;
  ping_sent_ = now;
  ping_id_ = id;
  send_frame({0, code(YamuxType::ping), kYamuxSyn, 0, id});
  return true;
}

void YamuxSession::go_away(YamuxGoAway reason) {
  if (std::exchange(went_away_, true)) return;
  send_frame({0, code(YamuxType::go_away), 0, 0, static_cast<std::uint32_t>(reason)});
}

std::uint32_t YamuxSession::window(StreamId id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? 0 : found->second.receive_window;
}

}  // namespace accel::libp2p
