// SPDX-License-Identifier: Apache-2.0
#pragma once
// Signed values that a node keeps for others, and what makes one valid and better than another. In
// memory, bounded. Pure: the caller gives the time. Private to libp2p. Spec: ipfs/specs
// src/routing/kad-dht.md ("Value store operations"), src/ipns/ipns-record.md.

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "accel/core/bytes.hpp"
#include "accel/core/clock.hpp"
#include "kad/kad_id.hpp"

namespace accel::libp2p::kad {

// "/ipns/": a record signed by the key of the name that has not expired; "/pk/": a public key whose
// hash the name is. Errors: invalid_argument (no such key), corrupt, unavailable (expired),
// resource_exhausted (too large).
Status check_value(ByteView key, ByteView value, WallTime now);
// Whether `candidate` replaces `present`; both have been checked. IPNS: the higher sequence, then
// the longer validity.
bool is_better(ByteView key, ByteView candidate, ByteView present);

// A value has at most kMaxValueBytes: 4,096 of IPNS take about 2 MiB, 40 MiB at most.
struct ValueLimits {
  std::size_t values = 4'096;     // Then the one farthest from this node goes.
  std::size_t of_one_peer = 512;  // The same; nobody fills the store alone.
  std::size_t of_one_group = 1'024;
  Duration validity = std::chrono::hours(48);
};

// Nobody: this node itself, without limits of its own.
struct ValueSender {
  std::optional<ipld::PeerId> peer{};
  std::string group{};  // See group_of(); empty: no limit of it.
};

class ValueStore {
 public:
  explicit ValueStore(const KadId& self = {}, ValueLimits limits = {})
      : self_(self), limits_(limits) {}

  // Errors: as check_value(); already_exists (a better one is here); resource_exhausted (all that
  // is kept, of all or of this sender, is closer to this node).
  Status put(const Bytes& key, Bytes value, SteadyTime now, WallTime wall_now,
             const ValueSender& from = {});
  struct Kept {
    Bytes value;
    WallTime received{};
  };
  // One that is still valid.
  std::optional<Kept> get(const Bytes& key, SteadyTime now, WallTime wall_now) const;
  void expire(SteadyTime now);
  std::size_t size() const { return values_.size(); }

 private:
  struct Entry {
    Kept kept;
    SteadyTime until{};
    KadId distance{};
    ValueSender from;  // The first one: who repeats a value does not take it over.
  };
  // Those that share a limit with the newcomer.
  using Rivals = std::function<bool(const Entry&)>;
  Status make_room(const Entry& newcomer, std::size_t most, const Rivals& rivals);
  Status make_room(const Entry& newcomer);
  void erase(const Bytes& key);

  KadId self_;
  ValueLimits limits_;
  std::map<Bytes, Entry> values_;
  std::set<std::pair<SteadyTime, Bytes>> by_time_;
};

}  // namespace accel::libp2p::kad
