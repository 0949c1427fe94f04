// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who said that he provides what. In memory, bounded. Pure. Private to libp2p. Spec: ipfs/specs
// src/routing/kad-dht.md ("Provider record": 48 hours, addresses 24 hours).

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/libp2p/kad.hpp"

namespace accel::libp2p::kad {

struct ProviderLimits {
  std::size_t records = 100'000;
  std::size_t bytes = std::size_t{64} << 20U;  // Keys, addresses, and what the maps take for them.
  std::size_t of_one_key = 100;                // Then the one that expires first goes.
  std::size_t of_one_peer = 25'000;            // One node's roots; nobody fills the store alone,
  std::size_t of_one_group = 50'000;           // nor with many ids from one machine.
  Duration validity = std::chrono::hours(48);
  Duration address_validity = std::chrono::hours(24);
};

class ProviderStore {
 public:
  // `own`: this node, which may provide more than others.
  explicit ProviderStore(ProviderLimits limits = {}, std::optional<PeerId> own = {})
      : limits_(limits), own_(std::move(own)) {}

  // False: above what one peer or one group may have (see group_of(); empty: no limit of it).
  // Above the other limits what expires first goes.
  bool add(const Bytes& key, const KadPeer& provider, SteadyTime now,
           const std::string& group = {});
  // Those that have not expired, at most `count`, the newest first; without addresses when these
  // are too old.
  std::vector<KadPeer> find(const Bytes& key, std::size_t count, SteadyTime now) const;
  void expire(SteadyTime now);
  std::size_t records() const { return by_time_.size(); }
  std::size_t keys() const { return records_.size(); }
  std::size_t bytes() const { return bytes_; }  // An estimate, from above.

 private:
  struct Provider {
    std::vector<Multiaddr> addresses;
    SteadyTime addresses_until{};
    std::size_t records = 0;
    std::string group{};
  };
  using Timed = std::tuple<SteadyTime, Bytes, PeerId>;
  void erase(Timed record);
  void drop_first_of(const Bytes& key);
  bool is_at_its_limit(const PeerId& provider, const std::string& group) const;
  void place(const Bytes& key, const KadPeer& provider, SteadyTime now, const std::string& group);
  void count_group(const std::string& group, std::ptrdiff_t records);

  ProviderLimits limits_;
  std::optional<PeerId> own_;
  std::map<Bytes, std::map<PeerId, SteadyTime>> records_;  // Until when.
  std::map<PeerId, Provider> providers_;
  std::map<std::string, std::size_t> groups_;  // Records of each; none of the empty one.
  std::set<Timed> by_time_;
  std::size_t bytes_ = 0;
};

}  // namespace accel::libp2p::kad
