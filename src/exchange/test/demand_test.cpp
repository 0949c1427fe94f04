// SPDX-License-Identifier: Apache-2.0
#include "accel/exchange/demand.hpp"

#include <gmock/gmock.h>

#include "accel/ipld/codec.hpp"

namespace accel::exchange {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace std::chrono_literals;

ipld::Cid block(std::uint64_t number) {
  return ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes(std::to_string(number))));
}

ipld::PeerId peer(std::uint64_t number) {
  Bytes key{0x08, 0x01, 0x12, 0x20};
  key.resize(36, static_cast<std::uint8_t>(number));
  return ipld::PeerId::of_public_key(key);
}

std::string nothing(const ipld::Cid&) { return {}; }

class DemandTest : public ::testing::Test {
 protected:
  void wants(std::uint64_t who, std::uint64_t what) { demand_.note(peer(who), block(what), now_); }

  Demand demand_{DemandLimits{.blocks = 4, .blocks_per_peer = 3, .remembered = 1h}};
  SteadyTime now_{24h};
};

TEST_F(DemandTest, counts_peers_not_questions) {
  for (int i = 0; i < 5; ++i) wants(1, 10);
  wants(1, 20);
  wants(2, 20);
  const auto list = demand_.list(now_);
  ASSERT_THAT(list, SizeIs(2));
  EXPECT_EQ(list[0].cid, block(20));
  EXPECT_THAT(list[0].peers, SizeIs(2));
  EXPECT_THAT(list[1].peers, SizeIs(1));
}

TEST_F(DemandTest, forgets_what_nobody_has_wanted_for_long) {
  wants(1, 10);
  now_ += 40min;
  wants(2, 10);
  now_ += 30min;
  EXPECT_THAT(demand_.list(now_).at(0).peers, SizeIs(1));
  now_ += 31min;
  EXPECT_THAT(demand_.list(now_), SizeIs(0));
}

TEST_F(DemandTest, one_peer_fills_no_table) {
  wants(1, 100);
  wants(2, 100);
  for (std::uint64_t i = 0; i < 1000; ++i) wants(3, i);
  EXPECT_THAT(demand_.list(now_), SizeIs(4));
  EXPECT_EQ(demand_.list(now_).at(0).cid, block(100));
  EXPECT_GE(demand_.unheard(), 997U);
}

TEST_F(DemandTest, a_full_table_lets_go_of_what_fewest_want) {
  for (const std::uint64_t what : {1, 2}) wants(1, what), wants(2, what);
  now_ += 1s;
  wants(3, 3);
  now_ += 1s;
  wants(3, 4);
  now_ += 1s;
  wants(4, 5);
  const auto list = demand_.list(now_);
  ASSERT_THAT(list, SizeIs(4));
  for (const Demanded& one : list) EXPECT_NE(one.cid, block(3));
  // Whose want was dropped may name another.
  wants(3, 6);
  wants(3, 7);
  EXPECT_THAT(demand_.list(now_), SizeIs(4));
}

TEST_F(DemandTest, only_peers_that_count_lead_to_a_fetch) {
  wants(1, 10);
  wants(2, 10);
  wants(1, 20);
  PrefetchRules rules{.peers = {}, .anybody = true, .min_peers = 2, .max_bytes = 1000};
  auto chosen = choose_prefetch(demand_.list(now_), rules, 0, nothing);
  ASSERT_THAT(chosen, SizeIs(2));
  EXPECT_TRUE(chosen[0].fetch);
  EXPECT_THAT(chosen[0].why, HasSubstr("wanted by 2 peers"));
  EXPECT_FALSE(chosen[1].fetch);
  EXPECT_THAT(chosen[1].why, HasSubstr("min_peers"));
  rules.anybody = false;
  rules.peers = {peer(1).to_string()};
  EXPECT_FALSE(choose_prefetch(demand_.list(now_), rules, 0, nothing).at(0).fetch);
  rules.min_peers = 1;
  EXPECT_TRUE(choose_prefetch(demand_.list(now_), rules, 0, nothing).at(0).fetch);
}

TEST_F(DemandTest, each_refusal_says_why) {
  wants(1, 10);
  wants(2, 10);
  const auto why = [&](PrefetchRules rules, std::uint64_t used, const std::string& known) {
    const auto says = [&known](const ipld::Cid&) { return known; };
    const auto chosen = choose_prefetch(demand_.list(now_), rules, used, says);
    EXPECT_FALSE(chosen.at(0).fetch);
    return chosen.at(0).why;
  };
  const PrefetchRules all{.peers = {}, .anybody = true, .min_peers = 2, .max_bytes = 1000};
  EXPECT_THAT(why({}, 0, {}), HasSubstr("off"));
  EXPECT_THAT(why(all, 1000, {}), HasSubstr("budget"));
  EXPECT_EQ(why(all, 0, "it is private"), "it is private");
}

}  // namespace
}  // namespace accel::exchange
