// SPDX-License-Identifier: Apache-2.0
// What is owed to others: scripts, one situation each.
#include "bitswap/engine.hpp"

#include <gmock/gmock.h>

#include <map>

#include "accel/core/random.hpp"

namespace accel::exchange::bitswap {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = Send::Item::Kind;
using namespace std::chrono_literals;

ipld::Cid block(std::uint64_t number) {
  return ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes(std::to_string(number))));
}

WantEntry want_block(const ipld::Cid& cid, std::int32_t priority = 1) {
  return {cid, priority, WantType::block, false, true};
}
WantEntry want_have(const ipld::Cid& cid) { return {cid, 1, WantType::have, false, true}; }
WantEntry cancel(const ipld::Cid& cid) { return {cid, 1, WantType::block, true, false}; }

// An engine with a store: look-ups are answered at once, messages wait until deliver().
class EngineScript {
 public:
  explicit EngineScript(EngineLimits limits = {}) : engine(limits) {}

  void put(const ipld::Cid& cid, std::uint64_t bytes) { store_[cid] = bytes; }
  void wants(PeerNumber peer, std::vector<WantEntry> entries, bool full = false) {
    step(WantsReceived{peer, std::move(entries), full});
  }
  void step(const EngineEvent& event) {
    for (EngineAction& action : engine.step(event, now)) {
      if (auto* asked = std::get_if<LookUp>(&action)) {
        looked_up += asked->cids.size();
        LookedUp answer{asked->peer, {}};
        for (const ipld::Cid& cid : asked->cids) {
          const auto found = store_.find(cid);
          answer.found.emplace_back(
              cid, found == store_.end() ? std::nullopt : std::optional(found->second));
        }
        step(answer);
      } else {
        open.push_back(std::move(std::get<Send>(action)));
      }
    }
  }
  // The oldest message goes out.
  Send deliver() {
    EXPECT_FALSE(open.empty());
    Send message = std::move(open.front());
    open.erase(open.begin());
    step(MessageSent{message, true});
    return message;
  }
  std::vector<Send::Item> deliver_all(PeerNumber peer) {
    std::vector<Send::Item> items;
    while (!open.empty()) {
      const Send message = deliver();
      if (message.peer != peer) continue;
      items.insert(items.end(), message.items.begin(), message.items.end());
    }
    return items;
  }
  void pass(Duration time) {
    now += time;
    step(EngineTick{});
  }

  Engine engine;
  SteadyTime now{1h};
  std::vector<Send> open;
  std::size_t looked_up = 0;

 private:
  std::map<ipld::Cid, std::uint64_t> store_;
};

TEST(BitswapEngine, sends_the_block_that_is_wanted) {
  EngineScript script;
  script.put(block(1), 5000);
  script.wants(1, {want_block(block(1))});
  EXPECT_THAT(script.deliver_all(1), ElementsAre(Send::Item{block(1), Kind::block, 5000}));
  EXPECT_EQ(script.engine.ledger(1).blocks_sent, 1U);
  EXPECT_EQ(script.engine.ledger(1).bytes_sent, 5000U);
  EXPECT_EQ(script.engine.ledger(1).waiting, 0U);
}

TEST(BitswapEngine, says_that_it_has_what_is_large_and_sends_what_is_small) {
  EngineScript script;
  script.put(block(1), 1025);
  script.put(block(2), 1024);
  script.wants(1, {want_have(block(1)), want_have(block(2))});
  EXPECT_THAT(script.deliver_all(1), ElementsAre(Send::Item{block(1), Kind::have, 1025},
                                                 Send::Item{block(2), Kind::block, 1024}));
}

TEST(BitswapEngine, says_what_it_does_not_have_only_when_asked_to) {
  EngineScript script;
  WantEntry silent = want_block(block(1));
  silent.send_dont_have = false;
  script.wants(1, {silent, want_block(block(2))});
  EXPECT_THAT(script.deliver_all(1), ElementsAre(Send::Item{block(2), Kind::dont_have, 0}));
  EXPECT_EQ(script.engine.ledger(1).waiting, 2U);
}

TEST(BitswapEngine, sends_later_what_comes_later) {
  EngineScript script;
  script.wants(1, {want_block(block(1)), want_have(block(2))});
  script.deliver_all(1);
  script.put(block(1), 50000);
  script.put(block(2), 50000);
  script.pass(500ms);
  EXPECT_TRUE(script.open.empty());
  script.pass(600ms);
  const auto items = script.deliver_all(1);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(script.engine.ledger(1).waiting, 0U);
}

TEST(BitswapEngine, says_once_only_that_it_does_not_have_it) {
  EngineScript script;
  script.wants(1, {want_block(block(1))});
  script.deliver_all(1);
  for (int i = 0; i < 5; ++i) script.pass(2s);
  EXPECT_TRUE(script.open.empty());
  EXPECT_EQ(script.looked_up, 6U);
  script.wants(1, {want_block(block(1))});  // Asked again, it answers again.
  EXPECT_THAT(script.deliver_all(1), ElementsAre(Send::Item{block(1), Kind::dont_have, 0}));
}

TEST(BitswapEngine, a_want_that_is_cancelled_is_not_served) {
  EngineLimits limits;
  limits.outstanding_per_peer = 1000;
  EngineScript script(limits);
  for (int i = 0; i < 3; ++i) script.put(block(static_cast<unsigned>(i)), 2000);
  script.wants(1, {want_block(block(0)), want_block(block(1)), want_block(block(2))});
  script.wants(1, {cancel(block(1)), cancel(block(9))});
  const auto items = script.deliver_all(1);
  EXPECT_THAT(items, ElementsAre(Send::Item{block(0), Kind::block, 2000},
                                 Send::Item{block(2), Kind::block, 2000}));
  EXPECT_EQ(script.engine.ledger(1).cancels, 2U);
}

TEST(BitswapEngine, a_full_list_replaces_what_was_wanted_before) {
  EngineLimits limits;
  limits.outstanding_per_peer = 1000;
  EngineScript script(limits);
  for (unsigned i = 0; i < 4; ++i) script.put(block(i), 2000);
  script.wants(1, {want_block(block(0)), want_block(block(1)), want_block(block(2))});
  script.wants(1, {want_block(block(2)), want_block(block(3))}, /*full=*/true);
  EXPECT_THAT(script.deliver_all(1), ElementsAre(Send::Item{block(0), Kind::block, 2000},
                                                 Send::Item{block(2), Kind::block, 2000},
                                                 Send::Item{block(3), Kind::block, 2000}));
}

TEST(BitswapEngine, the_larger_priority_goes_first) {
  EngineLimits limits;
  limits.outstanding_per_peer = 1000;
  EngineScript script(limits);
  for (unsigned i = 0; i < 4; ++i) script.put(block(i), 2000);
  script.wants(1, {want_block(block(0), 1)});
  script.wants(1, {want_block(block(1), 5), want_block(block(2), INT32_MIN),
                   want_block(block(3), INT32_MAX)});
  const auto items = script.deliver_all(1);
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(items[1].cid, block(3));
  EXPECT_EQ(items[2].cid, block(1));
  EXPECT_EQ(items[3].cid, block(2));
}

TEST(BitswapEngine, does_not_send_twice_what_is_asked_for_again_on_the_way) {
  EngineScript script;
  script.put(block(1), 5000);
  script.wants(1, {want_block(block(1))});
  script.wants(1, {want_block(block(1))});
  EXPECT_EQ(script.deliver_all(1).size(), 1U);
  script.wants(1, {want_block(block(1))});  // It has gone: this is a new want.
  EXPECT_EQ(script.deliver_all(1).size(), 1U);
}

TEST(BitswapEngine, answers_a_want_that_grows_from_have_to_block) {
  EngineScript script;
  script.put(block(1), 5000);
  script.wants(1, {want_have(block(1))});
  ASSERT_EQ(script.open.size(), 1U);  // Not known to be sent yet.
  script.wants(1, {want_block(block(1))});
  const auto items = script.deliver_all(1);
  EXPECT_THAT(items, ElementsAre(Send::Item{block(1), Kind::have, 5000},
                                 Send::Item{block(1), Kind::block, 5000}));
}

TEST(BitswapEngine, a_hot_peer_does_not_starve_the_others) {
  EngineLimits limits;
  limits.outstanding = 1U << 20U;
  limits.outstanding_per_peer = 1U << 20U;
  EngineScript script(limits);
  std::vector<WantEntry> many;
  for (unsigned i = 0; i < 1000; ++i) {
    script.put(block(i), 256U << 10U);
    many.push_back(want_block(block(i), INT32_MAX));
  }
  script.wants(1, many);
  script.wants(2, {want_block(block(0), 0), want_block(block(1), 0)});
  std::vector<PeerNumber> order;
  for (int i = 0; i < 12; ++i) order.push_back(script.deliver().peer);
  EXPECT_EQ(std::ranges::count(order, PeerNumber{2}), 2);
}

TEST(BitswapEngine, shares_bytes_not_messages) {
  EngineLimits limits;
  limits.outstanding_per_peer = 4U << 20U;
  limits.outstanding = 6U << 20U;
  EngineScript script(limits);
  std::vector<WantEntry> large, small;
  for (unsigned i = 0; i < 200; ++i) {
    script.put(block(i), 1U << 20U);
    script.put(block(1000 + i), 16U << 10U);
    large.push_back(want_block(block(i)));
    small.push_back(want_block(block(1000 + i)));
  }
  script.wants(1, large);
  script.wants(2, small);
  std::map<PeerNumber, std::uint64_t> bytes;
  while (bytes[2] < (3U << 20U)) {
    for (const Send message = script.deliver(); const auto& item : message.items) {
      bytes[message.peer] += item.bytes;
    }
  }
  EXPECT_LE(bytes[1], 5U << 20U);
  EXPECT_GE(bytes[1], 2U << 20U);
}

TEST(BitswapEngine, what_is_under_way_has_bounds) {
  EngineLimits limits;
  limits.outstanding_per_peer = 3U << 20U;
  limits.outstanding = 8U << 20U;
  EngineScript script(limits);
  std::vector<WantEntry> wants;
  for (unsigned i = 0; i < 100; ++i) {
    script.put(block(i), 1U << 20U);
    wants.push_back(want_block(block(i)));
  }
  script.wants(1, wants);
  EXPECT_EQ(script.open.size(), 2U);  // And what each costs besides.
  for (PeerNumber peer = 2; peer < 20; ++peer) script.wants(peer, wants);
  // And one message of each that would have none.
  EXPECT_LE(script.engine.outstanding(), limits.outstanding + (19U << 20U) + (1U << 20U));
  std::size_t delivered = 0;
  while (!script.open.empty()) delivered += script.deliver().items.size();
  EXPECT_EQ(delivered, 1900U);
  EXPECT_EQ(script.engine.outstanding(), 0U);
}

TEST(BitswapEngine, peers_that_never_read_keep_nobody_waiting) {
  EngineLimits limits;
  limits.outstanding = 4U << 20U;
  EngineScript script(limits);
  std::vector<WantEntry> wants;
  for (unsigned i = 0; i < 100; ++i) {
    script.put(block(i), 256U << 10U);
    wants.push_back(want_block(block(i)));
  }
  for (PeerNumber deaf = 1; deaf <= 20; ++deaf) script.wants(deaf, wants);
  EXPECT_GE(script.engine.outstanding(), limits.outstanding);
  std::vector<Send> held = std::move(script.open);
  script.open.clear();
  script.wants(50, wants);
  EXPECT_EQ(script.deliver_all(50).size(), 100U);
  // What the deaf ones held comes back when they are given up, and they do not take it for long.
  int rounds = 0;
  for (; !held.empty(); ++rounds) {
    for (const Send& message : held) script.step(MessageSent{message, false, true});
    held = std::exchange(script.open, {});
  }
  EXPECT_LE(rounds, 3);
  EXPECT_EQ(script.engine.outstanding(), 0U);
  EXPECT_EQ(script.engine.ledger(1).waiting, 0U);
}

TEST(BitswapEngine, who_was_given_up_rests_and_is_served_then) {
  EngineScript script;
  script.put(block(1), 5000);
  script.put(block(2), 5000);
  script.wants(1, {want_block(block(1))});
  script.step(MessageSent{script.open.front(), false, true});
  script.open.clear();
  script.wants(1, {want_block(block(2))});
  script.pass(29s);
  EXPECT_TRUE(script.open.empty());
  script.pass(2s);
  EXPECT_THAT(script.deliver_all(1), ElementsAre(Send::Item{block(2), Kind::block, 5000}));
}

TEST(BitswapEngine, looks_at_most_once_a_second_for_what_is_asked_again_and_again) {
  EngineScript script;
  for (int i = 0; i < 100; ++i) {
    script.wants(1, {want_block(block(1))});
    EXPECT_EQ(script.deliver_all(1).size(), 1U);
  }
  EXPECT_EQ(script.looked_up, 1U);
  script.put(block(1), 5000);
  script.pass(1100ms);
  EXPECT_THAT(script.deliver_all(1), ElementsAre(Send::Item{block(1), Kind::block, 5000}));
}

TEST(BitswapEngine, small_blocks_share_a_message_up_to_its_bound) {
  EngineScript script;
  std::vector<WantEntry> wants;
  for (unsigned i = 0; i < 600; ++i) {
    script.put(block(i), 1000);
    wants.push_back(want_block(block(i)));
  }
  script.wants(1, wants);
  EXPECT_GE(script.open.size(), 2U);
  EXPECT_LE(script.open.size(), 4U);
  EXPECT_GT(script.open.front().pending_bytes, 0U);
  EXPECT_EQ(script.deliver_all(1).size(), 600U);
}

TEST(BitswapEngine, refuses_wants_above_the_bound_and_says_so) {
  EngineLimits limits;
  limits.wants_per_peer = 10;
  EngineScript script(limits);
  std::vector<WantEntry> wants;
  for (unsigned i = 0; i < 1000; ++i) {
    wants.push_back(want_block(block(i)));
    wants.back().send_dont_have = i >= 995;
  }
  script.wants(1, wants);
  EXPECT_EQ(script.engine.ledger(1).wants_refused, 990U);
  EXPECT_EQ(script.engine.ledger(1).waiting, 10U);
  const auto items = script.deliver_all(1);
  EXPECT_EQ(items.size(), 5U);
  EXPECT_EQ(items.front().kind, Kind::dont_have);
}

TEST(BitswapEngine, does_not_send_what_no_message_can_hold) {
  EngineScript script;
  script.put(block(1), kMaxWireBlockBytes + 1);
  script.wants(1, {want_have(block(1))});
  EXPECT_THAT(script.deliver_all(1), ElementsAre(Send::Item{block(1), Kind::dont_have, 0}));
}

TEST(BitswapEngine, a_peer_that_goes_gives_back_what_it_held) {
  EngineScript script;
  for (unsigned i = 0; i < 50; ++i) script.put(block(i), 1U << 20U);
  std::vector<WantEntry> wants;
  for (unsigned i = 0; i < 50; ++i) wants.push_back(want_block(block(i)));
  script.wants(1, wants);
  EXPECT_GT(script.engine.outstanding(), 0U);
  script.step(PeerGone{1});
  EXPECT_EQ(script.engine.outstanding(), 0U);
  EXPECT_EQ(script.engine.peers(), 0U);
  for (const Send& message : std::vector<Send>(script.open)) {
    script.step(MessageSent{message, true});  // Late news of it changes nothing.
  }
  EXPECT_EQ(script.engine.outstanding(), 0U);
  EXPECT_THAT(script.engine.wantlist(1), IsEmpty());
}

TEST(BitswapEngine, a_block_that_could_not_be_read_is_looked_for_again) {
  EngineScript script;
  script.put(block(1), 5000);
  script.wants(1, {want_block(block(1))});
  Send message = script.open.front();
  script.open.clear();
  message.items[0].kind = Kind::dont_have;
  script.step(MessageSent{message, true});
  EXPECT_EQ(script.engine.ledger(1).blocks_sent, 0U);
  script.pass(2s);
  EXPECT_THAT(script.deliver_all(1), ElementsAre(Send::Item{block(1), Kind::block, 5000}));
}

TEST(BitswapEngine, what_broke_with_its_stream_is_no_longer_owed) {
  EngineScript script;
  script.put(block(1), 5000);
  script.wants(1, {want_block(block(1))});
  script.step(MessageSent{script.open.front(), false});
  EXPECT_EQ(script.engine.ledger(1).bytes_sent, 0U);
  EXPECT_EQ(script.engine.ledger(1).waiting, 0U);
}

TEST(BitswapEngine, looks_again_at_all_that_waits_in_turn) {
  EngineLimits limits;
  limits.look_ups_per_tick = 10;
  EngineScript script(limits);
  std::vector<WantEntry> wants;
  for (unsigned i = 0; i < 35; ++i) {
    wants.push_back(want_block(block(i)));
    wants.back().send_dont_have = false;
  }
  script.wants(1, wants);
  for (unsigned i = 0; i < 35; ++i) script.put(block(i), 5000);
  std::size_t sent = 0;
  for (int i = 0; i < 10; ++i) {
    script.pass(2s);
    sent += script.deliver_all(1).size();
  }
  EXPECT_EQ(sent, 35U);
}

// Whatever comes in whatever order: bounds hold, and in the end everything asked for was answered.
TEST(BitswapEngine, keeps_its_bounds_in_a_hundred_random_crowds) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto dice = [&](std::uint64_t sides) {
      Bytes bytes(4);
      random.fill(bytes);
      return (bytes[0] | bytes[1] << 8U | bytes[2] << 16U) % sides;
    };
    EngineLimits limits;
    limits.wants_per_peer = 20;
    limits.outstanding_per_peer = 100000;
    limits.outstanding = 200000;
    EngineScript script(limits);
    for (unsigned i = 0; i < 30; ++i) script.put(block(i), 1 + dice(60000));
    PeerNumber generation = 0;  // No number is used twice.
    for (int round = 0; round < 300; ++round) {
      const PeerNumber peer = 10 * generation + dice(5);
      const auto what = dice(10);
      if (what < 4) script.wants(peer, {want_block(block(dice(40)), static_cast<int>(dice(9)))});
      if (what == 4) script.wants(peer, {want_have(block(dice(40)))});
      if (what == 5) script.wants(peer, {cancel(block(dice(40)))});
      if (what == 6) script.wants(peer, {want_block(block(dice(40)))}, dice(2) == 0);
      if (what == 7) script.pass(700ms);
      if (what >= 8 && !script.open.empty()) script.deliver();
      if (dice(60) == 0) {
        for (PeerNumber old = 0; old < 5; ++old) script.step(PeerGone{10 * generation + old});
        ++generation;
      }
      // Five peers with one message each, if the budget is spent.
      ASSERT_LE(script.engine.outstanding(), limits.outstanding + 5 * limits.outstanding_per_peer);
      ASSERT_LE(script.engine.ledger(peer).waiting, limits.wants_per_peer);
    }
    while (!script.open.empty()) script.deliver();
    EXPECT_EQ(script.engine.outstanding(), 0U);
  }
}

TEST(BitswapEngine, what_waits_moves_forward_when_it_is_asked_for_with_a_higher_priority) {
  EngineLimits limits;
  limits.message_bytes = 1;  // One block a message.
  limits.outstanding_per_peer = 1;
  EngineScript script(limits);
  for (unsigned i = 0; i < 4; ++i) script.put(block(i), 5000);
  script.wants(
      1, {want_block(block(0)), want_block(block(1)), want_block(block(2)), want_block(block(3))});
  script.wants(1, {want_block(block(3), 100)});
  std::vector<ipld::Cid> order;
  while (!script.open.empty()) order.push_back(script.deliver().items.at(0).cid);
  EXPECT_THAT(order, ElementsAre(block(0), block(3), block(1), block(2)));
}

}  // namespace
}  // namespace accel::exchange::bitswap
