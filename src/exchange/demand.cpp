// SPDX-License-Identifier: Apache-2.0
#include "accel/exchange/demand.hpp"

#include <algorithm>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::exchange {
namespace {

constexpr int kExpiries = 60;  // Looks at all in the time that a want is remembered.

}  // namespace

SteadyTime Demand::last_of(const Wanters& wanters) {
  SteadyTime last{};
  for (const auto& [peer, when] : wanters) last = std::max(last, when);
  return last;
}

void Demand::note(const ipld::PeerId& peer, const ipld::Cid& cid, SteadyTime now) {
  const ipld::Cid key = cid.as_v1();
  const auto known = blocks_.find(key);
  if (known != blocks_.end() && known->second.contains(peer)) {
    known->second[peer] = now;
    return;
  }
  if (now - expired_at_ >= limits_.remembered / kExpiries) expire(now);
  if (named_[peer] >= limits_.blocks_per_peer) {
    ++unheard_;
    return;
  }
  if (!blocks_.contains(key)) make_room();
  blocks_[key][peer] = now;
  ++named_[peer];
}

// The blocks that fewest want go, of these the ones that were wanted longest ago: some at once,
// because finding them looks at all.
void Demand::make_room() {
  if (blocks_.size() < limits_.blocks) return;
  std::vector<std::pair<std::pair<std::size_t, SteadyTime>, const ipld::Cid*>> weakest;
  for (const auto& [cid, wanters] : blocks_) {
    weakest.push_back({{wanters.size(), last_of(wanters)}, &cid});
  }
  const std::size_t leaving = 1 + limits_.blocks / 64;
  const auto by_strength = [](const auto& entry) { return entry.first; };
  std::ranges::nth_element(weakest, weakest.begin() + static_cast<std::ptrdiff_t>(leaving - 1), {},
                           by_strength);
  for (std::size_t i = 0; i < leaving; ++i) {
    const auto block = blocks_.find(*weakest[i].second);
    for (const auto& [peer, when] : block->second) leave(peer);
    blocks_.erase(block);
    ++unheard_;
  }
}

void Demand::leave(const ipld::PeerId& peer) {
  const auto found = named_.find(peer);
  if (found != named_.end() && --found->second == 0) named_.erase(found);
}

void Demand::expire(SteadyTime now) {
  expired_at_ = now;
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    std::erase_if(block->second, [&](const auto& wanter) {
      const bool is_old = now - wanter.second >= limits_.remembered;
      if (is_old) leave(wanter.first);
      return is_old;
    });
    block = block->second.empty() ? blocks_.erase(block) : std::next(block);
  }
}

std::vector<Demanded> Demand::list(SteadyTime now) {
  expire(now);
  std::vector<Demanded> all;
  for (const auto& [cid, wanters] : blocks_) {
    Demanded demanded{cid, {}, last_of(wanters)};
    for (const auto& [peer, when] : wanters) demanded.peers.push_back(peer);
    all.push_back(std::move(demanded));
  }
  std::ranges::stable_sort(all, [](const Demanded& a, const Demanded& b) {
    return std::pair(a.peers.size(), a.last) > std::pair(b.peers.size(), b.last);
  });
  return all;
}

std::vector<PrefetchChoice> choose_prefetch(
    const std::vector<Demanded>& demand, const PrefetchRules& rules, std::uint64_t used_bytes,
    const std::function<std::string(const ipld::Cid&)>& known) {
  std::vector<PrefetchChoice> choices;
  for (const Demanded& demanded : demand) {
    PrefetchChoice choice{demanded.cid, 0, false, {}};
    choice.peers = static_cast<std::size_t>(
        std::ranges::count_if(demanded.peers, [&](const ipld::PeerId& peer) {
          return rules.anybody ||
                 std::ranges::find(rules.peers, peer.to_string()) != rules.peers.end();
        }));
    choice.why = known(demanded.cid);
    if (!rules.is_on()) {
      choice.why = "prefetching is off (prefetch.for, prefetch.max_bytes)";
    } else if (choice.why.empty() && choice.peers < rules.min_peers) {
      choice.why = fmt::format("wanted by {} peers that count, of {} (prefetch.min_peers)",
                               choice.peers, rules.min_peers);
    } else if (choice.why.empty() && used_bytes >= rules.max_bytes) {
      choice.why = fmt::format("the budget of {} is used up (prefetch.max_bytes)",
                               human_bytes(rules.max_bytes));
    } else if (choice.why.empty()) {
      choice.fetch = true;
      choice.why = fmt::format("wanted by {} peers lately, and not here", choice.peers);
    }
    choices.push_back(std::move(choice));
  }
  return choices;
}

}  // namespace accel::exchange
