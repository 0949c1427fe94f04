// SPDX-License-Identifier: Apache-2.0
#pragma once
// The peers that a node asks first: buckets by the common prefix with its own id. Who sits in a
// full bucket stays unless he no longer answers, and one network fills neither a bucket nor the
// table. Pure. Private to libp2p. Spec: ipfs/specs src/routing/kad-dht.md ("Routing table").

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/libp2p/kad.hpp"
#include "kad/kad_id.hpp"

namespace accel::libp2p::kad {

struct TableRules {
  std::size_t bucket_size = kBucketSize;
  std::size_t group_in_bucket = 2;  // Peers of one group (see group_of()).
  std::size_t group_in_table = 3;
  Duration fresh = std::chrono::minutes(10);  // Who answered since then is not doubted.
};

enum class Verdict {
  added,
  known,
  refused,  // The limits of its group, or a full bucket of peers that all answered lately.
  doubtful  // Full, but somebody in it may have gone: ask `suspect`, then take_place() or useful().
};

struct Offered {
  Verdict verdict = Verdict::refused;
  std::optional<PeerId> suspect{};
};

class RoutingTable {
 public:
  RoutingTable(const PeerId& self, TableRules rules) : self_(kad_id_of(self)), rules_(rules) {}

  // A peer that has just answered. An empty group has no limits.
  Offered offer(const KadPeer& peer, const std::string& group, SteadyTime now);
  // Whether offer() would do more than refuse a newcomer.
  bool has_room(const PeerId& peer, const std::string& group, SteadyTime now) const;
  // The suspect did not answer. The newcomer's group is checked again.
  Offered take_place(const PeerId& suspect, const KadPeer& newcomer, const std::string& group,
                     SteadyTime now);
  void useful(const PeerId& peer, SteadyTime now);  // It has answered.
  bool remove(const PeerId& peer);

  bool contains(const PeerId& peer) const;
  const KadPeer* find(const PeerId& peer) const;
  // Closest first.
  std::vector<KadPeer> closest(const KadId& target, std::size_t count) const;
  std::size_t size() const { return size_; }
  std::vector<std::size_t> bucket_sizes() const;  // Up to the last one that has peers.
  std::size_t refused() const { return refused_; }
  const KadId& self() const { return self_; }
  // Those whose last answer is older than `fresh`, the oldest first.
  std::vector<PeerId> stale(SteadyTime now, std::size_t count) const;

 private:
  struct Entry {
    KadPeer peer;
    KadId id{};
    std::string group;
    SteadyTime last_answer{};
  };
  using Bucket = std::vector<Entry>;

  Bucket& bucket_of(const KadId& id);
  const Bucket& bucket_of(const KadId& id) const;
  bool group_is_full(const Bucket& bucket, const std::string& group) const;
  void add(Bucket& bucket, const KadPeer& peer, const std::string& group, SteadyTime now);
  void erase(Bucket& bucket, Bucket::iterator at);

  KadId self_;
  TableRules rules_;
  std::array<Bucket, 8 * kIdBytes + 1> buckets_;
  std::map<std::string, std::size_t> groups_;
  std::size_t size_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace accel::libp2p::kad
