// SPDX-License-Identifier: Apache-2.0
#pragma once
// One peer of the bitswap shell: its streams, what waits for it and what waits to be sent to it.
// Private to bitswap_node; everything on its executor.

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
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

// Counts what comes, so that a message that has begun and does not go on can be told.
class WatchedStream final : public libp2p::Stream {
 public:
  WatchedStream(std::unique_ptr<libp2p::Stream> stream, const Clock& clock)
      : stream_(std::move(stream)), clock_(clock), last_bytes_(clock.now()) {}

  Task<std::size_t> read_some(std::span<std::byte> into) override;
  Task<void> write_all(ByteView bytes) override { return stream_->write_all(bytes); }
  Task<void> close_write() override { return stream_->close_write(); }
  void reset() override { stream_->reset(); }
  const ipld::PeerId& peer() const override { return stream_->peer(); }
  const std::string& protocol() const override { return stream_->protocol(); }

  void message_ended() { inside_ = false; }
  bool stalled(SteadyTime now, Duration limit) const {
    return inside_ && now - last_bytes_ > limit;
  }
  std::function<void()> on_bytes;

 private:
  std::unique_ptr<libp2p::Stream> stream_;
  const Clock& clock_;
  SteadyTime last_bytes_;
  bool inside_ = false;
};

struct Reply {
  std::unique_ptr<MessageBuilder> message;
  Send send;
};

struct Peer {
  Peer(const ipld::PeerId& peer, PeerNumber peer_number, const Executor& executor)
      : id(peer), number(peer_number), room(executor) {}

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

  std::vector<WatchedStream*> in;
  std::size_t unverified_bytes = 0;
  std::size_t look_ups = 0;
  boost::asio::steady_timer room;  // Cancelled when one of these two has shrunk.

  BitswapFigures figures;  // What the engine does not count.
};

}  // namespace accel::exchange::bitswap
