// SPDX-License-Identifier: Apache-2.0
#pragma once
// What peers ask for and this node lacks: the wants that bitswap could not serve are the one honest
// sign of demand that a node has. Who wants what, and what of it to fetch beforehand. Pure: time
// comes in. Used by Bitswap, which notes, and node (prefetcher, `network prefetch`).

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/peer_id.hpp"

namespace accel::exchange {

struct Demanded {
  ipld::Cid cid;
  std::vector<ipld::PeerId> peers;  // Who wanted it lately.
  SteadyTime last{};                // When one of them did.
};

struct DemandLimits {
  std::size_t blocks = 1024;
  // Whoever names more is not heard, so that one peer does not push out what others want.
  std::size_t blocks_per_peer = 64;
  Duration remembered = std::chrono::hours(1);  // After the last want.
};

class Demand {
 public:
  explicit Demand(DemandLimits limits = {}) : limits_(limits) {}

  // A want of a peer for what is not here. To say it again only keeps it fresh.
  void note(const ipld::PeerId& peer, const ipld::Cid& cid, SteadyTime now);
  // Most peers first, then the latest.
  std::vector<Demanded> list(SteadyTime now);
  std::uint64_t unheard() const { return unheard_; }  // Wants above the limits.

 private:
  using Wanters = std::map<ipld::PeerId, SteadyTime>;
  void expire(SteadyTime now);
  void make_room();
  void leave(const ipld::PeerId& peer);
  static SteadyTime last_of(const Wanters& wanters);

  DemandLimits limits_;
  std::map<ipld::Cid, Wanters> blocks_;
  std::map<ipld::PeerId, std::size_t> named_;  // How many blocks each has named.
  std::uint64_t unheard_ = 0;
  SteadyTime expired_at_{};
};

struct PrefetchRules {
  std::vector<std::string> peers;  // Whose wants count.
  bool anybody = false;            // All of them.
  std::size_t min_peers = 2;       // One may be mistaken, or want it for itself alone.
  std::uint64_t max_bytes = 0;     // Of all that was fetched so and is here.
  bool is_on() const { return max_bytes > 0 && (anybody || !peers.empty()); }
};

struct PrefetchChoice {
  ipld::Cid cid;
  std::size_t peers = 0;  // That count.
  bool fetch = false;
  std::string why;  // As people read it.
};

// Of each demanded block whether to fetch it, and why. `known` says why a block is not to be
// fetched whoever wants it (it is here, it is private, it failed a moment ago); empty: nothing.
std::vector<PrefetchChoice> choose_prefetch(
    const std::vector<Demanded>& demand, const PrefetchRules& rules, std::uint64_t used_bytes,
    const std::function<std::string(const ipld::Cid&)>& known);

}  // namespace accel::exchange
