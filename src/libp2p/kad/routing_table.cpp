// SPDX-License-Identifier: Apache-2.0
#include "kad/routing_table.hpp"

#include <algorithm>

namespace accel::libp2p::kad {

RoutingTable::Bucket& RoutingTable::bucket_of(const KadId& id) {
  return buckets_.at(common_prefix_bits(self_, id));
}

const RoutingTable::Bucket& RoutingTable::bucket_of(const KadId& id) const {
  return buckets_.at(common_prefix_bits(self_, id));
}

bool RoutingTable::group_is_full(const Bucket& bucket, const std::string& group) const {
  if (group.empty()) return false;
  const auto in_all = groups_.find(group);
  if (in_all != groups_.end() && in_all->second >= rules_.group_in_table) return true;
  const auto here = std::ranges::count(bucket, group, &Entry::group);
  return static_cast<std::size_t>(here) >= rules_.group_in_bucket;
}

void RoutingTable::add(Bucket& bucket, const KadPeer& peer, const std::string& group,
                       SteadyTime now) {
  bucket.push_back({peer, kad_id_of(peer.id), group, now});
  if (!group.empty()) ++groups_[group];
  ++size_;
}

void RoutingTable::erase(Bucket& bucket, Bucket::iterator at) {
  const auto group = groups_.find(at->group);
  if (group != groups_.end() && --group->second == 0) groups_.erase(group);
  bucket.erase(at);
  --size_;
}

Offered RoutingTable::offer(const KadPeer& peer, const std::string& group, SteadyTime now) {
  const KadId id = kad_id_of(peer.id);
  if (id == self_) return {};
  Bucket& bucket = bucket_of(id);
  if (const auto known = std::ranges::find(bucket, id, &Entry::id); known != bucket.end()) {
    known->last_answer = now;
    if (!peer.addresses.empty()) known->peer.addresses = peer.addresses;
    return {Verdict::known, std::nullopt};
  }
  if (group_is_full(bucket, group)) {
    ++refused_;
    return {};
  }
  if (bucket.size() < rules_.bucket_size) {
    add(bucket, peer, group, now);
    return {Verdict::added, std::nullopt};
  }
  const auto oldest = std::ranges::min_element(bucket, {}, &Entry::last_answer);
  if (now - oldest->last_answer < rules_.fresh) {
    ++refused_;
    return {};
  }
  return {Verdict::doubtful, oldest->peer.id};
}

bool RoutingTable::has_room(const PeerId& peer, const std::string& group, SteadyTime now) const {
  const Bucket& bucket = bucket_of(kad_id_of(peer));
  if (group_is_full(bucket, group)) return false;
  if (bucket.size() < rules_.bucket_size) return true;
  const auto oldest = std::ranges::min_element(bucket, {}, &Entry::last_answer);
  return now - oldest->last_answer >= rules_.fresh;
}

Offered RoutingTable::take_place(const PeerId& suspect, const KadPeer& newcomer,
                                 const std::string& group, SteadyTime now) {
  remove(suspect);
  return offer(newcomer, group, now);
}

void RoutingTable::useful(const PeerId& peer, SteadyTime now) {
  const KadId id = kad_id_of(peer);
  Bucket& bucket = bucket_of(id);
  const auto known = std::ranges::find(bucket, id, &Entry::id);
  if (known != bucket.end()) known->last_answer = now;
}

bool RoutingTable::remove(const PeerId& peer) {
  const KadId id = kad_id_of(peer);
  Bucket& bucket = bucket_of(id);
  const auto known = std::ranges::find(bucket, id, &Entry::id);
  if (known == bucket.end()) return false;
  erase(bucket, known);
  return true;
}

bool RoutingTable::contains(const PeerId& peer) const { return find(peer) != nullptr; }

const KadPeer* RoutingTable::find(const PeerId& peer) const {
  const KadId id = kad_id_of(peer);
  const Bucket& bucket = bucket_of(id);
  const auto known = std::ranges::find(bucket, id, &Entry::id);
  return known == bucket.end() ? nullptr : &known->peer;
}

std::vector<KadPeer> RoutingTable::closest(const KadId& target, std::size_t count) const {
  std::vector<std::pair<KadId, const KadPeer*>> all;
  all.reserve(size_);
  for (const Bucket& bucket : buckets_) {
    for (const Entry& entry : bucket) all.emplace_back(distance(entry.id, target), &entry.peer);
  }
  const auto most = static_cast<std::ptrdiff_t>(std::min(count, all.size()));
  std::ranges::partial_sort(all, all.begin() + most, {}, [](const auto& one) { return one.first; });
  std::vector<KadPeer> out;
  for (auto at = all.begin(); at != all.begin() + most; ++at) out.push_back(*at->second);
  return out;
}

std::vector<std::size_t> RoutingTable::bucket_sizes() const {
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_.at(i).empty()) continue;
    sizes.resize(i + 1);
    sizes.back() = buckets_.at(i).size();
  }
  return sizes;
}

std::vector<PeerId> RoutingTable::stale(SteadyTime now, std::size_t count) const {
  std::vector<std::pair<SteadyTime, PeerId>> old;
  for (const Bucket& bucket : buckets_) {
    for (const Entry& entry : bucket) {
      if (now - entry.last_answer < rules_.fresh) continue;
      old.emplace_back(entry.last_answer, entry.peer.id);
    }
  }
  std::ranges::sort(old);
  std::vector<PeerId> out;
  for (const auto& [answered, peer] : old) {
    if (out.size() < count) out.push_back(peer);
  }
  return out;
}

}  // namespace accel::libp2p::kad
