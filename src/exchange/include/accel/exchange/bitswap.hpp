// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bitswap 1.2.0 (1.1.0 and 1.0.0 accepted): blocks from peers and to peers over libp2p streams.
// Serves what the store has and may show, and asks peers for what a pull wants: Fetcher makes each
// peer one more source of its scheduler. Made by node, one per libp2p host.
//
// Threads: everything on one serial executor (the host's); hashing, look-ups and reads on the
// OffloadPool. Ownership: what the constructor takes outlives this; the wire's host is shut down
// after shutdown() and before this is destroyed. Spec: ipfs/specs src/bitswap-protocol.md.

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"
#include "accel/exchange/demand.hpp"
#include "accel/exchange/urgency.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/multiaddr.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/libp2p/host.hpp"
#include "accel/libp2p/stream.hpp"

namespace accel::exchange {

// Newest first: the order in which they are offered to a peer.
const std::vector<std::string>& bitswap_protocols();

// What bitswap needs of the network; wire_of() binds a host, tests bind streams in memory.
struct BitswapWire {
  std::function<Task<ipld::PeerId>(ipld::Multiaddr)> connect;
  std::function<Task<std::unique_ptr<libp2p::Stream>>(ipld::PeerId, std::vector<std::string>)> open;
  std::function<std::vector<ipld::PeerId>()> connected;  // Those that speak bitswap 1.2.0.
};
BitswapWire wire_of(libp2p::Host& host);

struct BitswapOptions {
  bool serve = true;                          // False: asks only, and has nothing for anybody.
  std::size_t streams_per_peer = 2;           // Towards us; one is enough for an honest peer.
  std::size_t unverified_bytes = 16U << 20U;  // Of one peer; then nothing more is read from it.
  // Of messages that are not whole yet, over all peers: beyond it who holds most loses its streams.
  std::size_t receiving_bytes = 64U << 20U;
  std::uint64_t max_upload_rate = 0;  // Bytes a second to all peers together; 0: no limit.
  std::chrono::milliseconds slow_message{30000};   // From its first byte to its last.
  std::chrono::milliseconds write_stall{10000};    // Nothing was taken of a message for so long.
  std::chrono::milliseconds write_timeout{60000};  // One message, which has at most 2.3 MiB.
};

// Since the start, or since the peer came.
struct BitswapFigures {
  std::uint64_t blocks_sent = 0;
  std::uint64_t bytes_sent = 0;  // Of blocks.
  std::uint64_t presences_sent = 0;
  std::uint64_t wants_received = 0;
  std::uint64_t wants_refused = 0;  // Above the bound.
  std::size_t wantlist = 0;         // Its wants that are open here.
  std::uint64_t blocks_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_duplicate = 0;  // Of blocks that came twice or too late.
  std::uint64_t bytes_unasked = 0;
  std::uint64_t bad_messages = 0;
  std::size_t owed = 0;  // Blocks that we wait for.
};

struct BitswapStat {
  BitswapFigures total;  // Peers that have gone included.
  std::vector<std::pair<ipld::PeerId, BitswapFigures>> peers;
};

class Bitswap {
 public:
  struct Context {
    blockstore::Store& store;
    OffloadPool& pool;
    const Clock& clock;
    Metrics& metrics;
  };
  Bitswap(Executor executor, Context context, BitswapWire wire, BitswapOptions options = {});
  ~Bitswap();
  Bitswap(const Bitswap&) = delete;
  Bitswap& operator=(const Bitswap&) = delete;

  // Serves all protocols on the host and learns who goes.
  void attach(libp2p::Host& host);
  // One stream of a peer to us, to its end. Errors: protocol (what it sent; the stream is reset),
  // resource_exhausted (too many streams), those of the stream.
  Task<void> accept(std::unique_ptr<libp2p::Stream> stream);
  // The last connection has gone: who waits for it is told.
  void peer_gone(const ipld::PeerId& peer);

  // One block from one peer, its bytes checked against the CID. on_heard is called now and then
  // while the peer sends anything. Errors: not_found (it says so), unavailable (no stream, or it
  // has gone), protocol (it sends what nobody asked for), unsupported (a hash function that is not
  // computed here), resource_exhausted (too much is wanted of it already), cancelled (`stop`).
  // Urgency is said to the peer as the want's priority among ours.
  Task<Bytes> get(ipld::PeerId peer, ipld::Cid cid, std::stop_token stop,
                  std::function<void()> on_heard, Urgency urgency = Urgency::foreground);
  Task<ipld::PeerId> connect(ipld::Multiaddr address);
  // Asks all connected peers, and returns who said in time that it has the block.
  Task<std::vector<ipld::PeerId>> who_has(ipld::Cid cid, Duration wait, std::stop_token stop);

  BitswapStat stat() const;
  // What a peer wants of us. Empty for a peer that is not here.
  std::vector<ipld::Cid> wantlist_of(const ipld::PeerId& peer) const;
  // What peers have wanted lately that is not here; private blocks are here.
  std::vector<Demanded> demand();

  // Ends everything; nothing of this runs when it returns, but streams that the host owns.
  Task<void> shutdown();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::exchange
