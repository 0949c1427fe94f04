// SPDX-License-Identifier: Apache-2.0
#include "kad/query.hpp"

namespace accel::libp2p::kad {

Query::Query(const KadId& target, const PeerId& self, QueryRules rules)
    : target_(target), self_(self), rules_(rules) {}

void Query::learn(const std::vector<KadPeer>& peers) {
  for (const KadPeer& peer : peers) {
    if (peer.id == self_) continue;
    const auto [at, is_new] =
        known_.try_emplace(distance(kad_id_of(peer.id), target_), Candidate{peer});
    // An address that comes later is better than none.
    if (!is_new && at->second.peer.addresses.empty()) at->second.peer.addresses = peer.addresses;
  }
  forget_farthest();
}

void Query::forget_farthest() {
  for (auto at = known_.end(); known_.size() > rules_.most_known && at != known_.begin();) {
    --at;
    if (at->second.state == State::heard_of) at = known_.erase(at);
  }
}

// Among the k closest that have not failed: when all of these have answered, nobody is asked.
const KadId* Query::first_to_ask() const {
  std::size_t seen = 0;
  for (auto at = known_.begin(); at != known_.end() && seen < rules_.bucket_size; ++at) {
    if (at->second.state == State::failed) continue;
    if (at->second.state == State::heard_of) return &at->first;
    ++seen;
  }
  return nullptr;
}

std::optional<KadPeer> Query::next() {
  if (waiting_ >= rules_.concurrency || asked_ >= rules_.most_asked) return std::nullopt;
  const KadId* const found = first_to_ask();
  if (found == nullptr) return std::nullopt;
  Candidate& candidate = known_.at(*found);
  candidate.state = State::waiting;
  ++waiting_;
  ++asked_;
  return candidate.peer;
}

void Query::answered(const PeerId& peer, const std::vector<KadPeer>& closer) {
  const auto at = known_.find(distance(kad_id_of(peer), target_));
  if (at == known_.end() || at->second.state != State::waiting) return;
  at->second.state = State::answered;
  --waiting_;
  learn(closer);
}

void Query::failed(const PeerId& peer) {
  const auto at = known_.find(distance(kad_id_of(peer), target_));
  if (at == known_.end() || at->second.state != State::waiting) return;
  at->second.state = State::failed;
  --waiting_;
}

bool Query::is_over() const {
  return waiting_ == 0 && (asked_ >= rules_.most_asked || first_to_ask() == nullptr);
}

std::vector<KadPeer> Query::closest() const {
  std::vector<KadPeer> out;
  for (const auto& [apart, candidate] : known_) {
    if (out.size() == rules_.bucket_size) break;
    if (candidate.state == State::answered) out.push_back(candidate.peer);
  }
  return out;
}

}  // namespace accel::libp2p::kad
