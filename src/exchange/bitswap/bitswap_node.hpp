// SPDX-License-Identifier: Apache-2.0
#pragma once
// The shell of bitswap: streams, the store and the pool around Engine (what we owe) and PeerWants
// (what we are owed). bitswap_node.cpp has peers and streams, bitswap_ask.cpp what we want,
// bitswap_serve.cpp what others want.

#include <atomic>
#include <map>
#include <memory>
#include <set>

#include "accel/core/async/task_group.hpp"
#include "peer.hpp"
#include "rate_budget.hpp"

namespace accel::exchange {

class Bitswap::Impl {
 public:
  Impl(Executor executor, Context context, BitswapWire wire, BitswapOptions options);

  // bitswap_node.cpp
  Task<void> accept(std::unique_ptr<libp2p::Stream> stream);
  void peer_gone(const ipld::PeerId& id);
  BitswapStat stat() const;
  std::vector<ipld::Cid> wantlist_of(const ipld::PeerId& id) const;
  std::vector<Demanded> demand() { return demand_.list(context_.clock.now()); }
  Task<void> shutdown();

  // bitswap_ask.cpp
  Task<Bytes> get(ipld::PeerId id, ipld::Cid cid, std::stop_token stop,
                  std::function<void()> on_heard, Urgency urgency);
  Task<std::vector<ipld::PeerId>> who_has(ipld::Cid cid, Duration wait, std::stop_token stop);
  BitswapWire& wire() { return wire_; }

 private:
  // Owners: the table, and the tasks that work for the peer until they have ended.
  using PeerPtr = std::shared_ptr<bitswap::Peer>;

  struct Counters {
    Counter& blocks_sent;
    Counter& bytes_sent;
    Counter& blocks_received;
    Counter& bytes_received;
    Counter& bytes_duplicate;
    Counter& bytes_unasked;
    Counter& bad_messages;
    Gauge& peers;
  };
  static Counters counters(Metrics& metrics);

  // bitswap_node.cpp
  PeerPtr peer_of(const ipld::PeerId& id);
  PeerPtr find(const ipld::PeerId& id) const;
  PeerPtr find(bitswap::PeerNumber number) const;
  BitswapFigures figures_of(const bitswap::Peer& peer) const;
  Task<void> read_messages(PeerPtr peer, bitswap::WatchedStream& stream);
  Task<void> wait_for_room(PeerPtr peer);
  void bound_receiving();
  Status take_message(const PeerPtr& peer, RawBuffer frame);
  void kick(const PeerPtr& peer);
  Task<void> write(PeerPtr peer);
  Task<void> write_messages(PeerPtr peer);
  Task<void> write_one(PeerPtr peer, ByteView frame, bool paced);
  Task<void> wait_for_upload(PeerPtr peer);
  Task<void> watch();
  void watch_once();
  bool is_idle(const bitswap::Peer& peer) const;
  void begin_watching();

  // bitswap_ask.cpp
  Task<void> take_blocks(PeerPtr peer, RawBuffer frame, std::vector<bitswap::ReceivedBlock> blocks);
  void take_block(bitswap::Peer& peer, const ipld::Cid& cid, Bytes block);
  void take_presence(bitswap::Peer& peer, const bitswap::Presence& presence);
  void answer_waiters(bitswap::Peer& peer, const ipld::Cid& cid, Result<Bytes> block);
  void answer_probes(bitswap::Peer& peer, const ipld::Cid& cid, bool have);
  void fail_all(bitswap::Peer& peer, const Error& error);
  void leave(const PeerPtr& peer, const ipld::Cid& cid, bitswap::Waiter& waiter);
  void tell_heard(bitswap::Peer& peer);

  // bitswap_serve.cpp
  void feed(const bitswap::EngineEvent& event);
  Task<void> look_up(bitswap::LookUp asked);
  Task<void> prepare(bitswap::Send send);
  Status fill(bitswap::MessageBuilder& builder, bitswap::Send& send) const;
  void sent(bitswap::Reply reply, bool delivered, bool timed_out = false);

  Executor executor_;
  Context context_;
  BitswapWire wire_;
  BitswapOptions options_;
  TaskGroup tasks_;
  Counters count_;
  bitswap::Engine engine_;
  Demand demand_;
  bitswap::Receiving receiving_;
  RateBudget upload_;
  std::map<ipld::PeerId, PeerPtr> peers_;
  std::map<bitswap::PeerNumber, PeerPtr> by_number_;
  bitswap::PeerNumber next_number_ = 1;
  BitswapFigures departed_;  // Sums of peers that have gone.
  bool watching_ = false;
  bool over_ = false;
};

}  // namespace accel::exchange
