// SPDX-License-Identifier: Apache-2.0
// Walks towards a key, over networks that exist in this file only.
#include "kad/query.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>

#include "accel/core/random.hpp"
#include "kad_peers.hpp"

namespace accel::libp2p::kad {
namespace {

using test::kad_peer;
using test::peer_id;

const PeerId kSelf = peer_id(1'000'000);
const KadId kTarget = kad_id_of(peer_id(2'000'000));

// Closest to the target first.
std::vector<KadPeer> sorted(const std::vector<KadPeer>& peers) {
  std::map<KadId, KadPeer> by_distance;
  for (const KadPeer& peer : peers) {
    by_distance.emplace(distance(kad_id_of(peer.id), kTarget), peer);
  }
  std::vector<KadPeer> out;
  for (const auto& [apart, peer] : by_distance) out.push_back(peer);
  return out;
}

std::vector<PeerId> ids(const std::vector<KadPeer>& peers) {
  std::vector<PeerId> out;
  for (const KadPeer& peer : peers) out.push_back(peer.id);
  return out;
}

std::vector<KadPeer> peers(std::uint32_t count, std::uint32_t begin = 0) {
  std::vector<KadPeer> out;
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(kad_peer(begin + i));
  return out;
}

TEST(KadQuery, without_peers_is_over) {
  Query query(kTarget, kSelf, {});
  EXPECT_TRUE(query.is_over());
  EXPECT_FALSE(query.next());
  query.learn({{kSelf, {}}});
  EXPECT_TRUE(query.is_over());
}

TEST(KadQuery, asks_the_closest_first_and_few_at_a_time) {
  Query query(kTarget, kSelf, {});
  const auto all = sorted(peers(50));
  query.learn(all);
  for (std::size_t i = 0; i < kConcurrency; ++i) EXPECT_EQ(query.next()->id, all[i].id);
  EXPECT_FALSE(query.next());
  EXPECT_FALSE(query.is_over());
  query.failed(all[0].id);
  EXPECT_EQ(query.next()->id, all[kConcurrency].id);
}

TEST(KadQuery, ends_when_the_k_closest_have_answered) {
  Query query(kTarget, kSelf, {});
  const auto all = sorted(peers(100));
  query.learn(all);
  while (const auto peer = query.next()) query.answered(peer->id, {});
  EXPECT_TRUE(query.is_over());
  EXPECT_EQ(query.asked(), kBucketSize);
  EXPECT_EQ(ids(query.closest()), ids({all.begin(), all.begin() + kBucketSize}));
}

TEST(KadQuery, goes_on_past_those_that_do_not_answer) {
  Query query(kTarget, kSelf, {});
  const auto all = sorted(peers(60));
  query.learn(all);
  std::size_t turn = 0;
  while (const auto peer = query.next()) {
    if (turn++ % 2 == 0)
      query.failed(peer->id);
    else
      query.answered(peer->id, {});
  }
  EXPECT_TRUE(query.is_over());
  EXPECT_EQ(query.closest().size(), kBucketSize);
}

TEST(KadQuery, passes_over_answers_of_those_it_did_not_ask) {
  Query query(kTarget, kSelf, {});
  query.learn(peers(1));
  query.answered(peer_id(99), peers(10, 100));
  query.failed(peer_id(0));
  EXPECT_EQ(query.waiting(), 0U);
  EXPECT_EQ(query.next()->id, peer_id(0));
  query.answered(peer_id(0), {});
  query.answered(peer_id(0), peers(10, 100));
  EXPECT_TRUE(query.is_over());
}

TEST(KadQuery, of_liars_with_ever_closer_friends_ends) {
  QueryRules rules;
  rules.most_asked = 100;
  rules.most_known = 300;
  Query query(kTarget, kSelf, rules);
  query.learn(peers(1));
  std::uint32_t next = 1;
  while (const auto peer = query.next()) {
    query.answered(peer->id, peers(32, next));
    next += 32;
  }
  EXPECT_TRUE(query.is_over());
  EXPECT_LE(query.asked(), 100U);
}

// Everybody knows 20 of each bucket, not the same 20, and names those closest to the target.
class Network {
 public:
  explicit Network(std::uint32_t count) : all_(sorted(peers(count))) {
    for (const KadPeer& peer : all_) ids_.push_back(kad_id_of(peer.id));
  }

  std::vector<KadPeer> answer_of(const PeerId& peer, Random& random) const {
    const KadId self = kad_id_of(peer);
    std::map<std::size_t, std::size_t> in_bucket;
    std::vector<KadPeer> known;
    for (std::size_t i = 0; i < all_.size() && known.size() < kBucketSize; ++i) {
      const std::size_t bucket = common_prefix_bits(self, ids_[i]);
      // Large buckets are known in part only.
      if (bucket == 8 * kIdBytes || (bucket < 4 && random.below(2) == 0)) continue;
      if (++in_bucket[bucket] <= kBucketSize) known.push_back(all_[i]);
    }
    return known;
  }
  const std::vector<KadPeer>& all() const { return all_; }  // Closest to the target first.

 private:
  std::vector<KadPeer> all_;
  std::vector<KadId> ids_;
};

TEST(KadQuery, finds_the_closest_of_a_large_network_with_loss_and_delay) {
  const Network network(500);
  const auto closest = ids(network.all());
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SeededRandom random(seed);
    Query query(kTarget, kSelf, {});
    query.learn({network.all()[random.below(500)], network.all()[random.below(500)]});
    std::deque<PeerId> waiting;
    std::vector<PeerId> lost;
    while (!query.is_over()) {
      while (const auto peer = query.next()) waiting.push_back(peer->id);
      ASSERT_FALSE(waiting.empty()) << "seed " << seed;
      const auto at = waiting.begin() + static_cast<std::ptrdiff_t>(random.below(waiting.size()));
      const PeerId peer = *at;
      waiting.erase(at);
      if (query.asked() > 4 && random.below(10) == 0) {
        lost.push_back(peer);
        query.failed(peer);
      } else {
        query.answered(peer, network.answer_of(peer, random));
      }
    }
    std::vector<PeerId> expected;
    for (const PeerId& peer : closest) {
      const bool is_lost = std::ranges::find(lost, peer) != lost.end();
      if (!is_lost && expected.size() < 10) expected.push_back(peer);
    }
    auto found = ids(query.closest());
    while (found.size() > 10) found.pop_back();
    EXPECT_EQ(found, expected) << "seed " << seed;
    EXPECT_LT(query.asked(), 80U) << "seed " << seed;
  }
}

}  // namespace
}  // namespace accel::libp2p::kad
