// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "connection_stream.hpp"
#include "count_one.hpp"
#include "remote.hpp"

namespace accel::libp2p {
namespace {

// While the host has many streams: enough to speak a few protocols.
constexpr std::size_t kFewInbound = 32;
constexpr std::size_t kLittle = 1024;
constexpr Duration kLongestStall = std::chrono::seconds(30);

}  // namespace

Connection::Connection(ConnectionOptions options, Link link, Upgraded upgraded)
    : options_(std::move(options)),
      link_(std::move(link)),
      codec_(std::move(upgraded.session.codec)),
      peer_(*upgraded.session.peer),
      security_(upgraded.security),
      plain_in_(std::move(upgraded.plain)),
      session_({options_.outbound, options_.limits->streams_per_connection,
                options_.limits->buffered_bytes_per_connection, options_.budget}),
      output_(options_.executor),
      openable_(options_.executor),
      origin_(origin_of(options_.remote)),
      began_(system_clock().now()),
      quiet_since_(began_),
      tasks_(options_.executor, "libp2p connection") {}

Connection::~Connection() = default;

Task<void> Connection::run(Services services) {
  services_ = std::move(services);
  auto self = shared_from_this();
  tasks_.spawn(read_loop(self));
  tasks_.spawn(write_loop(self));
  tasks_.spawn(keep_alive(self));
  const Status ended = co_await tasks_.join();
  close();
  co_return ended;
}

void Connection::kick() {
  if (session_.queued_bytes() > 0) output_.call();
}

void Connection::dispatch() {
  for (const YamuxEvent& event : session_.take_events()) {
    if (event.kind == YamuxEvent::Kind::accepted) {
      tasks_.spawn(accept(shared_from_this(), event.stream));
      continue;
    }
    if (event.kind == YamuxEvent::Kind::openable) {
      openable_.call();
      continue;
    }
    const auto found = streams_.find(event.stream);
    if (found == streams_.end()) continue;
    if (event.kind != YamuxEvent::Kind::writable) found->second->wake_reader();
    if (event.kind != YamuxEvent::Kind::readable) found->second->wake_writer();
  }
}

Status Connection::take_input() {
  ACCEL_CHECK(codec_->open(link_.in(), plain_in_));
  const Status taken = session_.receive(plain_in_.view(), system_clock().now());
  if (plain_in_.size() < kLittle) {
    plain_in_ = {};  // Thousands of idle connections hold no buffers.
  } else {
    plain_in_.clear();
  }
  dispatch();
  kick();
  return taken;
}

Task<void> Connection::read_loop(std::shared_ptr<Connection> self) {
  while (!closed_) {
    const Status taken = take_input();
    if (!taken) {
      if (taken.error().code == Errc::protocol) ++options_.counters->protocol_errors;
      log::debug("libp2p", taken.error().message, {log::field("peer", peer_.to_string())});
      go_away(YamuxGoAway::protocol_error);
      break;
    }
    const Status filled = co_await link_.fill();
    if (!filled) break;
  }
  self->close();
  co_return Status{};
}

Task<void> Connection::write_loop(std::shared_ptr<Connection> self) {
  while (!closed_) {
    if (session_.queued_bytes() == 0) {
      const Status woken = co_await output_.wait();
      ACCEL_CO_CHECK(woken);
      continue;
    }
    session_.take_output(plain_out_);
    dispatch();
    if (!codec_->seal(plain_out_.view(), wire_out_)) break;
    writing_ = true;
    const bool little = wire_out_.size() < kLittle;
    const Status sent = co_await link_.send(wire_out_);
    writing_ = false;
    if (!sent) break;
    if (little) {
      plain_out_ = {};
      wire_out_ = {};
    }
  }
  self->close();
  co_return Status{};
}

Task<void> Connection::keep_alive(std::shared_ptr<Connection> self) {
  std::uint64_t heard = 0;
  std::uint64_t sent = 0;
  SteadyTime sent_at = system_clock().now();
  while (!closed_) {
    const SteadyTime now = system_clock().now();
    // The answer may stand behind much data: a peer that sends is alive.
    const bool answered =
        session_.ping(now, static_cast<std::uint32_t>(system_random().next_u64()));
    const bool heard_more = std::exchange(heard, link_.bytes_in()) != heard;
    if (!answered && !heard_more) break;
    if (std::exchange(sent, link_.bytes_out()) != sent || !writing_) sent_at = now;
    if (now - sent_at >= kLongestStall) break;
    kick();
    const Status waited = co_await delay(options_.limits->keepalive);
    ACCEL_CO_CHECK(waited);
  }
  if (!closed_) log::debug("libp2p", "A peer gives no sign of life any more.");
  self->close();
  co_return Status{};
}

bool Connection::may_accept() const {
  const std::size_t all = *options_.inbound_streams;
  const std::size_t limit = options_.limits->inbound_streams;
  return all < limit / 2 || (all < limit && inbound_ < kFewInbound);
}

Task<void> Connection::accept(std::shared_ptr<Connection> self, std::uint32_t id) {
  auto stream = std::make_unique<ConnectionStream>(self, id);
  if (!may_accept()) co_return Status{};  // The stream is reset as it goes.
  const CountOne of_host(*options_.inbound_streams);
  const CountOne of_this(inbound_);
  Multistream negotiation = Multistream::responder(services_.supports);
  auto negotiated = stream->negotiate(std::move(negotiation));
  const Status agreed =
      co_await with_timeout(std::move(negotiated), options_.limits->negotiation_timeout);
  if (!agreed) co_return Status{};
  ++options_.counters->streams_accepted;
  auto served = services_.serve(self, std::move(stream));
  const Status ended = co_await std::move(served);
  if (!ended && ended.error().code != Errc::cancelled) {
    log::debug("libp2p", ended.error().to_string(), {log::field("peer", peer_.to_string())});
  }
  co_return Status{};
}

Task<std::unique_ptr<Stream>> Connection::open(std::vector<std::string> protocols) {
  auto opening = open_now(std::move(protocols));
  co_return co_await with_timeout(std::move(opening), options_.limits->negotiation_timeout);
}

Task<std::unique_ptr<Stream>> Connection::open_now(std::vector<std::string> protocols) {
  const auto self = shared_from_this();
  auto id = session_.open();
  while (!id && id.error().code == Errc::resource_exhausted && !closed_) {
    const Status woken = co_await openable_.wait();
    ACCEL_CO_CHECK(woken);
    id = session_.open();
    if (id) openable_.call();  // There may be room for the next one that waits, too.
  }
  ACCEL_CO_CHECK(id);
  auto stream = std::make_unique<ConnectionStream>(self, *id);
  kick();
  const auto& spoken = introduction_.protocols;
  const auto known = std::ranges::find_if(protocols, [&](const std::string& protocol) {
    return std::ranges::find(spoken, protocol) != spoken.end();
  });
  auto agreeing = known != protocols.end()
                      ? stream->propose(*known)
                      : stream->negotiate(Multistream::initiator(std::move(protocols)));
  const Status agreed = co_await std::move(agreeing);
  ACCEL_CO_CHECK(agreed);
  ++options_.counters->streams_opened;
  co_return std::unique_ptr<Stream>(std::move(stream));
}

void Connection::go_away(YamuxGoAway reason) {
  session_.go_away(reason);
  if (writing_ || closed_) return;  // Bytes of another message are on their way.
  session_.take_output(plain_out_);
  if (codec_->seal(plain_out_.view(), wire_out_)) link_.send_now(wire_out_);
}

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  link_.close();
  output_.call();
  openable_.call();
  for (const auto& [id, stream] : streams_) {
    stream->wake_reader();
    stream->wake_writer();
  }
  tasks_.cancel();
}

void Connection::evict(std::uint32_t stream) {
  session_.evict(stream);
  asio::post(options_.executor, [self = shared_from_this()] {
    if (self->closed()) return;
    self->dispatch();
    self->kick();
  });
}

std::optional<SteadyTime> Connection::idle_since() const {
  if (session_.streams() > 0) return std::nullopt;
  return quiet_since_;
}

ConnectionInfo Connection::info() const {
  ConnectionInfo info{peer_, options_.remote, options_.outbound, security_, 0, 0, 0, {}, {}, {}, {},
                      {}};
  info.streams = session_.streams();
  info.bytes_in = link_.bytes_in();
  info.bytes_out = link_.bytes_out();
  info.round_trip = session_.round_trip().value_or(Duration{});
  info.age = system_clock().now() - began_;
  info.agent = introduction_.agent;
  info.protocols = introduction_.protocols;
  // Whoever dials them later may not be led to where the peer could not have meant.
  std::ranges::copy_if(
      introduction_.listens, std::back_inserter(info.listens),
      [&](const ipld::Multiaddr& told) { return may_name(options_.remote, told); });
  return info;
}

}  // namespace accel::libp2p
