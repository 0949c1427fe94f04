// SPDX-License-Identifier: Apache-2.0
// Walks towards a key, over networks that exist in this file only.
#include "kad/query.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "accel/core/random.hpp"
#include "kad_peers.hpp"

namespace accel::libp2p::kad {
namespace {

using test::kad_peer;
using test::peer_id;

const PeerId kSelf = peer_id(1'000'000);
const KadId kTarget = kad_id_of(peer_id(2'000'000));

std::vector<KadPeer> sorted(std::vector<KadPeer> peers) {
  std::ranges::sort(peers, {},
                    [](const KadPeer& peer) { return distance(kad_id_of(peer.id), kTarget); });
  return peers;
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

// Everybody knows 20 of each bucket: what a walk finds is what is there.
class Network {
 public:
  explicit Network(std::uint32_t count) : all_(peers(count)) {}

  std::vector<KadPeer> answer_of(const PeerId& peer, Random& random) const {
    const KadId self = kad_id_of(peer);
    std::map<std::size_t, std::vector<KadPeer>> buckets;
    for (const KadPeer& other : all_) {
      if (other.id == peer) continue;
      auto& bucket = buckets[common_prefix_bits(self, kad_id_of(other.id))];
      if (bucket.size() < kBucketSize)
        bucket.push_back(other);
      else if (random.below(3) == 0)
        bucket[random.below(kBucketSize)] = other;
    }
    std::vector<KadPeer> known;
    for (auto& [bits, bucket] : buckets) known.insert(known.end(), bucket.begin(), bucket.end());
    known = sorted(std::move(known));
    while (known.size() > kBucketSize) known.pop_back();
    return known;
  }
  const std::vector<KadPeer>& all() const { return all_; }

 private:
  std::vector<KadPeer> all_;
};

TEST(KadQuery, finds_the_closest_of_a_large_network_with_loss_and_delay) {
  const Network network(1000);
  const auto closest = ids(sorted(network.all()));
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SeededRandom random(seed);
    Query query(kTarget, kSelf, {});
    query.learn({network.all()[random.below(1000)], network.all()[random.below(1000)]});
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
