// SPDX-License-Identifier: Apache-2.0
#include "kad/provider_store.hpp"

#include <algorithm>
#include <tuple>

namespace accel::libp2p::kad {
namespace {

// Of a record the nodes of three containers and two copies of its key, of a provider and of an
// address one node each: what glibc takes for them on 64 bits, rounded up.
constexpr std::size_t kRecordCost = 512;
constexpr std::size_t kProviderCost = 256;
constexpr std::size_t kAddressCost = 64;

std::size_t cost_of(const Bytes& key) { return kRecordCost + 2 * key.size(); }

std::size_t cost_of(const std::vector<Multiaddr>& addresses) {
  std::size_t cost = kProviderCost;
  for (const Multiaddr& address : addresses) cost += kAddressCost + address.bytes().size();
  return cost;
}

}  // namespace

void ProviderStore::erase(Timed record) {
  by_time_.erase(record);
  const auto& [until, key, peer] = record;
  const auto found = records_.find(key);
  if (found == records_.end() || found->second.erase(peer) == 0) return;
  if (found->second.empty()) records_.erase(found);
  bytes_ -= cost_of(key);
  const auto provider = providers_.find(peer);
  if (provider == providers_.end()) return;
  count_group(provider->second.group, -1);
  if (--provider->second.records > 0) return;
  bytes_ -= cost_of(provider->second.addresses);
  providers_.erase(provider);
}

void ProviderStore::count_group(const std::string& group, std::ptrdiff_t records) {
  if (group.empty()) return;
  std::size_t& present = groups_[group];
  present += static_cast<std::size_t>(records);
  if (present == 0) groups_.erase(group);
}

void ProviderStore::drop_first_of(const Bytes& key) {
  const auto expires = [this](const auto& entry) {
    return std::pair(entry.first == own_, entry.second);  // Our own goes last.
  };
  const auto first = std::ranges::min_element(records_.at(key), {}, expires);
  erase({first->second, key, first->first});
}

bool ProviderStore::is_at_its_limit(const PeerId& provider, const std::string& group) const {
  if (provider == own_) return false;
  const auto machine = groups_.find(group);
  if (machine != groups_.end() && machine->second >= limits_.of_one_group) return true;
  const auto known = providers_.find(provider);
  return known != providers_.end() && known->second.records >= limits_.of_one_peer;
}

bool ProviderStore::add(const Bytes& key, const KadPeer& provider, SteadyTime now,
                        const std::string& group) {
  const auto of_key = records_.find(key);
  const bool present = of_key != records_.end() && of_key->second.contains(provider.id);
  if (present) {
    erase({of_key->second.at(provider.id), key, provider.id});
  } else if (is_at_its_limit(provider.id, group)) {
    return false;
  } else if (of_key != records_.end() && of_key->second.size() >= limits_.of_one_key) {
    drop_first_of(key);
  }
  const std::size_t cost = cost_of(key) + cost_of(provider.addresses);
  while (!by_time_.empty() &&
         (by_time_.size() >= limits_.records || bytes_ + cost > limits_.bytes)) {
    erase(*by_time_.begin());
  }
  place(key, provider, now, group);
  return true;
}

void ProviderStore::place(const Bytes& key, const KadPeer& provider, SteadyTime now,
                          const std::string& group) {
  const SteadyTime until = now + limits_.validity;
  records_[key][provider.id] = until;
  by_time_.emplace(until, key, provider.id);
  bytes_ += cost_of(key);
  Provider& kept = providers_[provider.id];
  if (kept.records > 0) bytes_ -= cost_of(kept.addresses);
  if (kept.group != group) {  // It moved: its records go with it.
    count_group(kept.group, -static_cast<std::ptrdiff_t>(kept.records));
    count_group(group, static_cast<std::ptrdiff_t>(kept.records));
    kept.group = group;
  }
  count_group(group, 1);
  ++kept.records;
  kept.addresses = provider.addresses;
  kept.addresses_until = now + limits_.address_validity;
  bytes_ += cost_of(kept.addresses);
}

std::vector<KadPeer> ProviderStore::find(const Bytes& key, std::size_t count,
                                         SteadyTime now) const {
  const auto found = records_.find(key);
  if (found == records_.end()) return {};
  std::vector<std::pair<SteadyTime, PeerId>> valid;
  for (const auto& [peer, until] : found->second) {
    if (until > now) valid.emplace_back(until, peer);
  }
  std::ranges::sort(valid, std::greater<>());
  std::vector<KadPeer> out;
  for (const auto& [until, peer] : valid) {
    if (out.size() >= count) break;
    const Provider& provider = providers_.at(peer);
    KadPeer one{peer, {}};
    if (provider.addresses_until > now) one.addresses = provider.addresses;
    out.push_back(std::move(one));
  }
  return out;
}

void ProviderStore::expire(SteadyTime now) {
  while (!by_time_.empty() && std::get<0>(*by_time_.begin()) <= now) erase(*by_time_.begin());
}

}  // namespace accel::libp2p::kad
