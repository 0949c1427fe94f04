// SPDX-License-Identifier: Apache-2.0
#pragma once
// One peer of the bitswap shell: its streams, what waits for it and what waits to be sent to it.
// Private to bitswap_node; everything on its executor.

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accel/core/async/event.hpp"
#include "accel/exchange/bitswap.hpp"
#include "engine.hpp"
#include "message.hpp"
#include "wants.hpp"

namespace accel::exchange::bitswap {

// A get() that waits for a block. Lives in its coroutine.
struct Waiter {
  Event done;
  Result<Bytes> block = fail(Errc::cancelled, "Nobody waits for this block any more.");
  std::function<void()> on_heard;
};

// A who_has() that waits for answers. Lives in its coroutine.
struct Probe {
  Event done;
  std::size_t open = 0;
  std::vector<ipld::PeerId> having;
};

// Bytes of messages that are not whole yet, of all peers.
struct Receiving {
  std::size_t bytes = 0;
};

// Counts what comes, so that a message that has begun and does not end can be told.
class WatchedStream final : public libp2p::Stream {
 public:
  WatchedStream(std::unique_ptr<libp2p::Stream> stream, const Clock& clock, Receiving& all)
      : stream_(std::move(stream)), clock_(clock), all_(all) {}
  ~WatchedStream() override { all_.bytes -= held_; }

  Task<std::size_t> read_some(std::span<std::byte> into) override;
  Task<void> write_all(ByteView bytes) override { return stream_->write_all(bytes); }
  Task<void> close_write() override { return stream_->close_write(); }
  // What it holds goes as soon as its reader learns of it, and counts no more.
  void reset() override {
    all_.bytes -= std::exchange(held_, 0);
    was_reset_ = true;
    stream_->reset();
  }
  const ipld::PeerId& peer() const override { return stream_->peer(); }
  const std::string& protocol() const override { return stream_->protocol(); }

  // A message of so many bytes, its length included, is whole. The clock of the next one, if some
  // of it is here, starts when resume() is called: until then it is us who do not read.
  void message_ended(std::size_t bytes) {
    const std::size_t gone = std::min(bytes, held_);
    held_ -= gone;
    all_.bytes -= gone;
    inside_ = false;
  }
  void resume() {
    inside_ = held_ > 0;
    began_ = clock_.now();
  }
  bool slow(SteadyTime now, Duration limit) const { return inside_ && now - began_ > limit; }
  std::size_t held_bytes() const { return held_; }
  std::function<void()> on_bytes;

 private:
  std::unique_ptr<libp2p::Stream> stream_;
  const Clock& clock_;
  Receiving& all_;
  std::size_t held_ = 0;
  SteadyTime began_{};
  bool inside_ = false;
  bool was_reset_ = false;
};

struct Reply {
  std::unique_ptr<MessageBuilder> message;
  Send send;
};

struct Peer {
  Peer(const ipld::PeerId& peer, PeerNumber peer_number, const Executor& executor)
      : id(peer), number(peer_number), room(executor) {
    room.expires_at(SteadyTime::max());
  }

  ipld::PeerId id;
  PeerNumber number;
  bool gone = false;
  bool bare_blocks = false;  // It speaks 1.0.0.

  PeerWants wants;
  std::unordered_map<ipld::Cid, std::vector<Waiter*>> waiting;
  std::unordered_map<ipld::Cid, std::vector<Probe*>> probes;
  SteadyTime told_heard{};

  std::unique_ptr<libp2p::Stream> out;
  std::deque<Reply> outbox;
  bool writing = false;
  SteadyTime write_deadline = SteadyTime::max();
  bool write_timed_out = false;

  std::vector<WatchedStream*> in;
  std::size_t unverified_bytes = 0;
  std::size_t look_ups = 0;
  boost::asio::steady_timer room;  // Never rings; cancelled when one of these two has shrunk.

  BitswapFigures figures;  // What the engine does not count.
};

}  // namespace accel::exchange::bitswap
