// SPDX-License-Identifier: Apache-2.0
#include "bitswap_node.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "accel/ipld/varint.hpp"
#include "accel/libp2p/framed.hpp"

namespace accel::exchange {
namespace {

using namespace bitswap;

constexpr Duration kWatchEvery = std::chrono::milliseconds(500);
constexpr std::size_t kLookUpsAtOnce = 1;        // Of one peer; each is one job on the pool.
constexpr std::size_t kPacedPiece = 32U << 10U;  // With a limit: peers take turns at it.
constexpr Duration kPace = std::chrono::milliseconds(10);
constexpr std::size_t kWritePiece = 256U << 10U;  // So that a slow reader is told from a deaf one.

void add(BitswapFigures& sum, const BitswapFigures& part) {
  sum.blocks_sent += part.blocks_sent;
  sum.bytes_sent += part.bytes_sent;
  sum.presences_sent += part.presences_sent;
  sum.wants_received += part.wants_received;
  sum.wants_refused += part.wants_refused;
  sum.blocks_received += part.blocks_received;
  sum.bytes_received += part.bytes_received;
  sum.bytes_duplicate += part.bytes_duplicate;
  sum.bytes_unasked += part.bytes_unasked;
  sum.bad_messages += part.bad_messages;
  sum.wantlist += part.wantlist;
  sum.owed += part.owed;
}

}  // namespace

Task<std::size_t> bitswap::WatchedStream::read_some(std::span<std::byte> into) {
  auto reading = stream_->read_some(into);
  const Result<std::size_t> size = co_await std::move(reading);
  if (size && *size > 0 && !was_reset_) {
    if (!inside_) began_ = clock_.now();
    inside_ = true;
    held_ += *size;
    all_.bytes += *size;
    if (on_bytes) on_bytes();
  }
  co_return size;
}

Bitswap::Impl::Counters Bitswap::Impl::counters(Metrics& metrics) {
  const auto blocks = [&](const char* kind) -> Counter& {
    return metrics.counter("accel_bitswap_blocks_total", "Blocks over bitswap.", {{"kind", kind}});
  };
  const auto bytes = [&](const char* kind) -> Counter& {
    return metrics.counter("accel_bitswap_bytes_total", "Bytes of blocks over bitswap.",
                           {{"kind", kind}});
  };
  return {blocks("sent"),
          bytes("sent"),
          blocks("received"),
          bytes("received"),
          bytes("duplicate"),
          bytes("unasked"),
          metrics.counter("accel_bitswap_bad_messages_total", "Messages that ended their stream."),
          metrics.gauge("accel_bitswap_peers", "Peers that bitswap knows now.")};
}

Bitswap::Impl::Impl(Executor executor, Context context, BitswapWire wire, BitswapOptions options)
    : executor_(executor),
      context_(context),
      wire_(std::move(wire)),
      options_(options),
      tasks_(executor, "bitswap"),
      count_(counters(context.metrics)),
      upload_(options.max_upload_rate) {}

Bitswap::Impl::PeerPtr Bitswap::Impl::find(const ipld::PeerId& id) const {
  const auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : found->second;
}

Bitswap::Impl::PeerPtr Bitswap::Impl::find(PeerNumber number) const {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second;
}

Bitswap::Impl::PeerPtr Bitswap::Impl::peer_of(const ipld::PeerId& id) {
  PeerPtr& peer = peers_[id];
  if (!peer) {
    peer = std::make_shared<Peer>(id, next_number_++, executor_);
    by_number_[peer->number] = peer;
    count_.peers.set(static_cast<double>(peers_.size()));
    begin_watching();
  }
  return peer;
}

void Bitswap::Impl::peer_gone(const ipld::PeerId& id) {
  const PeerPtr peer = find(id);
  if (!peer) return;
  peers_.erase(id);
  by_number_.erase(peer->number);
  count_.peers.set(static_cast<double>(peers_.size()));
  peer->gone = true;
  add(departed_, figures_of(*peer));
  for (WatchedStream* stream : peer->in) stream->reset();
  if (peer->out) peer->out->reset();
  peer->room.cancel();
  fail_all(*peer, {Errc::unavailable, fmt::format("The connection to {} has ended.", id), {}});
  engine_.step(PeerGone{peer->number}, context_.clock.now());
}

BitswapFigures Bitswap::Impl::figures_of(const Peer& peer) const {
  BitswapFigures figures = peer.figures;
  const Ledger ledger = engine_.ledger(peer.number);
  figures.blocks_sent = ledger.blocks_sent;
  figures.bytes_sent = ledger.bytes_sent;
  figures.presences_sent = ledger.presences_sent;
  figures.wants_received = ledger.wants;
  figures.wants_refused = ledger.wants_refused;
  figures.wantlist = peer.gone ? 0 : ledger.waiting;
  figures.owed = peer.gone ? 0 : peer.wants.owed();
  return figures;
}

BitswapStat Bitswap::Impl::stat() const {
  BitswapStat stat{departed_, {}};
  for (const auto& [id, peer] : peers_) {
    stat.peers.emplace_back(id, figures_of(*peer));
    add(stat.total, stat.peers.back().second);
  }
  return stat;
}

std::vector<ipld::Cid> Bitswap::Impl::wantlist_of(const ipld::PeerId& id) const {
  const PeerPtr peer = find(id);
  return peer ? engine_.wantlist(peer->number) : std::vector<ipld::Cid>{};
}

Task<void> Bitswap::Impl::accept(std::unique_ptr<libp2p::Stream> stream) {
  if (over_) co_return fail(Errc::unavailable, "Bitswap is shutting down.");
  const PeerPtr peer = peer_of(stream->peer());
  if (peer->in.size() >= options_.streams_per_peer) {
    stream->reset();
    co_return fail(Errc::resource_exhausted, "The peer {} has {} bitswap streams open already.",
                   peer->id, peer->in.size());
  }
  const std::string& protocol = stream->protocol();
  peer->bare_blocks = protocol.ends_with("/1.0.0") || protocol.ends_with("/bitswap");
  WatchedStream watched(std::move(stream), context_.clock, receiving_);
  watched.on_bytes = [this, raw = peer.get()] {
    tell_heard(*raw);
    bound_receiving();
  };
  peer->in.push_back(&watched);
  struct Entry {
    Peer& peer;
    WatchedStream& stream;
    ~Entry() { std::erase(peer.in, &stream); }
  } entry{*peer, watched};
  auto reading = read_messages(peer, watched);
  const Status read = co_await std::move(reading);
  if (!read) watched.reset();
  if (!read && read.error().code == Errc::protocol) {
    ++peer->figures.bad_messages;
    count_.bad_messages.add();
    log::debug(
        "exchange", "A peer's bitswap stream was ended.",
        {log::field("peer", peer->id.to_string()), log::field("reason", read.error().to_string())});
  }
  co_return read;
}

Task<void> Bitswap::Impl::read_messages(PeerPtr peer, WatchedStream& stream) {
  libp2p::FramedReader reader(stream, kMaxMessageBytes);
  while (!over_ && !peer->gone) {
    auto reading = reader.read_buffer();
    Result<std::optional<RawBuffer>> frame = co_await std::move(reading);
    if (!frame) co_return fail(std::move(frame).error());
    if (!*frame || peer->gone) break;
    stream.message_ended((*frame)->size() + ipld::uvarint_size((*frame)->size()));
    auto before = wait_for_room(peer);  // Another stream of the peer may have taken it.
    co_await std::move(before);
    if (peer->gone) break;
    ACCEL_CO_CHECK(take_message(peer, *std::move(*frame)));
    auto after = wait_for_room(peer);
    co_await std::move(after);
    stream.resume();
    if (!peer->wants.sends_what_it_likes()) continue;
    const Error unasked{Errc::protocol, "It sends blocks that nobody asked it for.", {}};
    fail_all(*peer, unasked);
    co_return fail(Error(unasked));
  }
  co_return Status{};
}

Task<void> Bitswap::Impl::wait_for_room(PeerPtr peer) {
  while (!peer->gone && (peer->unverified_bytes >= options_.unverified_bytes ||
                         peer->look_ups >= kLookUpsAtOnce)) {
    auto waiting = peer->room.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await std::move(waiting);
  }
  co_return Status{};
}

// Who holds most of what is not whole yet gives it up, so that others can be heard.
void Bitswap::Impl::bound_receiving() {
  while (receiving_.bytes > options_.receiving_bytes) {
    Peer* most = nullptr;
    std::size_t most_bytes = 0;
    for (const auto& [id, peer] : peers_) {
      std::size_t bytes = 0;
      for (const WatchedStream* stream : peer->in) bytes += stream->held_bytes();
      if (bytes > most_bytes) {
        most = peer.get();
        most_bytes = bytes;
      }
    }
    if (most == nullptr) return;
    for (WatchedStream* stream : most->in) stream->reset();
  }
}

Status Bitswap::Impl::take_message(const PeerPtr& peer, RawBuffer frame) {
  ACCEL_TRY(Message message, decode_message(frame.view()));
  peer->wants.heard(context_.clock.now());
  for (const Presence& presence : message.presences) take_presence(*peer, presence);
  if (options_.serve && (!message.wants.empty() || message.full)) {
    feed(WantsReceived{peer->number, std::move(message.wants), message.full});
  }
  if (!message.blocks.empty()) {
    peer->unverified_bytes += frame.size();
    tasks_.spawn(take_blocks(peer, std::move(frame), std::move(message.blocks)));
  }
  kick(peer);
  return {};
}

// One writer a peer. It starts in a turn of its own, so that what is wanted in this one goes into
// one message.
void Bitswap::Impl::kick(const PeerPtr& peer) {
  if (over_ || peer->gone || peer->writing) return;
  if (!peer->wants.has_news() && peer->outbox.empty()) return;
  peer->writing = true;
  tasks_.spawn(write(peer));
}

// A stream that breaks takes with it what was written to it last; what we want is said again on the
// next one, what others want they will ask for again.
Task<void> Bitswap::Impl::write(PeerPtr peer) {
  auto writing = write_messages(peer);
  const Status written = co_await std::move(writing);
  const bool timed_out = std::exchange(peer->write_timed_out, false);
  peer->writing = false;
  peer->write_deadline = SteadyTime::max();
  if (written) co_return Status{};
  peer->out.reset();
  peer->wants.stream_lost();
  std::deque<Reply> unsent;
  unsent.swap(peer->outbox);
  for (Reply& reply : unsent) sent(std::move(reply), false, timed_out);
  Error error = written.error();
  if (error.code == Errc::cancelled || error.code == Errc::internal) {
    error.code = Errc::unavailable;
  }
  fail_all(*peer, error);
  co_return Status{};
}

Task<void> Bitswap::Impl::write_messages(PeerPtr peer) {
  while (!peer->gone && (peer->wants.has_news() || !peer->outbox.empty())) {
    if (!peer->out) {
      auto opening = wire_.open(peer->id, bitswap_protocols());
      Result<std::unique_ptr<libp2p::Stream>> opened = co_await std::move(opening);
      if (!opened) co_return fail(std::move(opened).error());
      peer->out = std::move(*opened);
      peer->wants.stream_lost();
      continue;
    }
    MessageBuilder wants;
    if (peer->wants.has_news()) {
      const PeerWants::List list = peer->wants.next_list(context_.clock.now());
      wants.set_wants(list.entries, list.full);
    }
    if (!wants.empty()) {
      auto writing = write_one(peer, wants.finish(), false);
      ACCEL_CO_CHECK(co_await std::move(writing));
    }
    if (peer->outbox.empty()) continue;
    Reply reply = std::move(peer->outbox.front());
    peer->outbox.pop_front();
    auto writing = write_one(peer, reply.message->finish(), options_.max_upload_rate > 0);
    const Status written = co_await std::move(writing);
    sent(std::move(reply), written.has_value(), peer->write_timed_out);
    ACCEL_CO_CHECK(written);
  }
  co_return Status{};
}

// paced: within the upload limit. What we want of others waits for nothing.
Task<void> Bitswap::Impl::write_one(PeerPtr peer, ByteView frame, bool paced) {
  SteadyTime end = context_.clock.now() + options_.write_timeout;
  Status written;
  while (written && !frame.empty()) {
    if (paced) {
      const SteadyTime came = context_.clock.now();
      auto pacing = wait_for_upload(peer);
      ACCEL_CO_CHECK(co_await std::move(pacing));
      end += context_.clock.now() - came;  // It is us who hold back.
    }
    const ByteView piece = frame.first(std::min(frame.size(), paced ? kPacedPiece : kWritePiece));
    frame = frame.subspan(piece.size());
    if (paced) upload_.take(piece.size());
    peer->write_deadline = std::min(end, context_.clock.now() + options_.write_stall);
    auto writing = peer->out->write_all(piece);
    written = co_await std::move(writing);
  }
  peer->write_deadline = SteadyTime::max();
  co_return written;
}

// All peers take from one budget, piece by piece.
Task<void> Bitswap::Impl::wait_for_upload(PeerPtr peer) {
  peer->write_deadline = SteadyTime::max();
  upload_.pass_to(context_.clock.now());
  while (!upload_.has_room() && !peer->gone && !over_) {
    auto waiting = delay(kPace);
    ACCEL_CO_CHECK(co_await std::move(waiting));
    upload_.pass_to(context_.clock.now());
  }
  co_return Status{};
}

void Bitswap::Impl::begin_watching() {
  if (watching_ || over_) return;
  watching_ = true;
  tasks_.spawn(watch());
}

// Runs while there are peers.
Task<void> Bitswap::Impl::watch() {
  while (!over_ && !peers_.empty()) {
    auto waiting = delay(kWatchEvery);
    ACCEL_CO_CHECK(co_await std::move(waiting));
    watch_once();
  }
  watching_ = false;
  co_return Status{};
}

void Bitswap::Impl::watch_once() {
  const SteadyTime now = context_.clock.now();
  feed(EngineTick{});
  std::vector<ipld::PeerId> idle;
  for (const auto& [id, peer] : peers_) {
    if (is_idle(*peer)) idle.push_back(id);
    for (WatchedStream* stream : peer->in) {
      if (stream->slow(now, options_.slow_message)) stream->reset();
    }
    if (peer->out && now > peer->write_deadline) {
      peer->write_timed_out = true;
      peer->out->reset();
    }
    if (peer->wants.tick(now)) kick(peer);
  }
  for (const ipld::PeerId& id : idle) peer_gone(id);
}

// Nothing is open between us, in either direction: not even a connection that we would be told of.
bool Bitswap::Impl::is_idle(const Peer& peer) const {
  return !peer.out && !peer.writing && peer.in.empty() && peer.look_ups == 0 &&
         peer.unverified_bytes == 0 && peer.waiting.empty() && peer.probes.empty() &&
         engine_.ledger(peer.number).waiting == 0 &&
         !engine_.rests(peer.number, context_.clock.now());
}

Task<void> Bitswap::Impl::shutdown() {
  over_ = true;
  std::vector<ipld::PeerId> all;
  for (const auto& [id, peer] : peers_) all.push_back(id);
  for (const ipld::PeerId& id : all) peer_gone(id);
  tasks_.cancel();
  auto joining = tasks_.join();
  co_await std::move(joining);
  co_return Status{};
}

// The public face.
const std::vector<std::string>& bitswap_protocols() {
  static const std::vector<std::string> protocols{"/ipfs/bitswap/1.2.0", "/ipfs/bitswap/1.1.0",
                                                  "/ipfs/bitswap/1.0.0", "/ipfs/bitswap"};
  return protocols;
}

Bitswap::Bitswap(Executor executor, Context context, BitswapWire wire, BitswapOptions options)
    : impl_(std::make_unique<Impl>(std::move(executor), context, std::move(wire), options)) {}
Bitswap::~Bitswap() = default;

Task<void> Bitswap::accept(std::unique_ptr<libp2p::Stream> stream) {
  return impl_->accept(std::move(stream));
}
void Bitswap::peer_gone(const ipld::PeerId& peer) { impl_->peer_gone(peer); }
Task<Bytes> Bitswap::get(ipld::PeerId peer, ipld::Cid cid, std::stop_token stop,
                         std::function<void()> on_heard, Urgency urgency) {
  return impl_->get(std::move(peer), std::move(cid), std::move(stop), std::move(on_heard), urgency);
}
Task<ipld::PeerId> Bitswap::connect(ipld::Multiaddr address) {
  return impl_->wire().connect(std::move(address));
}
Task<std::vector<ipld::PeerId>> Bitswap::who_has(ipld::Cid cid, Duration wait,
                                                 std::stop_token stop) {
  return impl_->who_has(std::move(cid), wait, std::move(stop));
}
BitswapStat Bitswap::stat() const { return impl_->stat(); }
std::vector<ipld::Cid> Bitswap::wantlist_of(const ipld::PeerId& peer) const {
  return impl_->wantlist_of(peer);
}
std::vector<Demanded> Bitswap::demand() { return impl_->demand(); }
Task<void> Bitswap::shutdown() { return impl_->shutdown(); }

}  // namespace accel::exchange
