// SPDX-License-Identifier: Apache-2.0
#include "kad/provider_store.hpp"

#include <algorithm>
#include <tuple>

namespace accel::libp2p::kad {

void ProviderStore::erase(Timed record) {
  by_time_.erase(record);
  const auto& [until, key, peer] = record;
  const auto found = records_.find(key);
  if (found == records_.end() || found->second.erase(peer) == 0) return;
  if (found->second.empty()) records_.erase(found);
  const auto provider = providers_.find(peer);
  if (provider != providers_.end() && --provider->second.records == 0) providers_.erase(provider);
}

void ProviderStore::drop_first_of(const Bytes& key) {
  const auto expires = [this](const auto& entry) {
    return std::pair(entry.first == own_, entry.second);  // Our own goes last.
  };
  const auto first = std::ranges::min_element(records_.at(key), {}, expires);
  erase({first->second, key, first->first});
}

bool ProviderStore::is_at_its_limit(const PeerId& provider) const {
  if (provider == own_) return false;
  const auto known = providers_.find(provider);
  return known != providers_.end() && known->second.records >= limits_.of_one_peer;
}

bool ProviderStore::add(const Bytes& key, const KadPeer& provider, SteadyTime now) {
  const auto of_key = records_.find(key);
  const bool present = of_key != records_.end() && of_key->second.contains(provider.id);
  if (present) {
    erase({of_key->second.at(provider.id), key, provider.id});
  } else if (is_at_its_limit(provider.id)) {
    return false;
  } else if (of_key != records_.end() && of_key->second.size() >= limits_.of_one_key) {
    drop_first_of(key);
  }
  while (by_time_.size() >= limits_.records) erase(*by_time_.begin());
  const SteadyTime until = now + limits_.validity;
  records_[key][provider.id] = until;
  by_time_.emplace(until, key, provider.id);
  Provider& kept = providers_[provider.id];
  ++kept.records;
  kept.addresses = provider.addresses;
  kept.addresses_until = now + limits_.address_validity;
  return true;
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
