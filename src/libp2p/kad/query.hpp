// SPDX-License-Identifier: Apache-2.0
#pragma once
// The walk towards a key: asks the closest peers that are known for closer ones, several at a time,
// until the k closest that can be reached have answered. Pure: who asks feeds it the answers.
// Private to libp2p. Spec: ipfs/specs src/routing/kad-dht.md ("Lookup process").

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "accel/libp2p/kad.hpp"
#include "kad/kad_id.hpp"

namespace accel::libp2p::kad {

struct QueryRules {
  std::size_t bucket_size = kBucketSize;   // k
  std::size_t concurrency = kConcurrency;  // alpha
  std::size_t most_asked = 200;
  std::size_t most_known = 2000;  // Peers that others named; the farthest go first.
};

class Query {
 public:
  Query(const KadId& target, const PeerId& self, QueryRules rules);

  // Peers that are known or that an answer names. Itself and whom it knows are passed over.
  void learn(const std::vector<KadPeer>& peers);
  // Whom to ask next; nothing: wait for an answer, or it is over.
  std::optional<KadPeer> next();
  // Who was asked has answered, or could not be reached. Others are passed over.
  void answered(const PeerId& peer, const std::vector<KadPeer>& closer);
  void failed(const PeerId& peer);

  // Nobody is left to ask and nobody owes an answer.
  bool is_over() const;
  std::size_t asked() const { return asked_; }
  std::size_t waiting() const { return waiting_; }
  // The k closest that have answered, closest first.
  std::vector<KadPeer> closest() const;

 private:
  enum class State : std::uint8_t { heard_of, waiting, answered, failed };
  struct Candidate {
    KadPeer peer;
    State state = State::heard_of;
  };
  const KadId* first_to_ask() const;
  void forget_farthest();

  KadId target_;
  PeerId self_;
  QueryRules rules_;
  std::map<KadId, Candidate> known_;  // By distance.
  std::size_t asked_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace accel::libp2p::kad
