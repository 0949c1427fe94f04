// SPDX-License-Identifier: Apache-2.0
// What is wanted of one peer: scripts, one situation each.
#include "bitswap/wants.hpp"

#include <gmock/gmock.h>

#include <map>

namespace accel::exchange::bitswap {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

ipld::Cid block(std::uint64_t number) {
  return ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes(std::to_string(number))));
}

// "+1" wants block 1, "?1" asks whether it is there, "-1" takes it back.
class WantsScript : public ::testing::Test {
 protected:
  bool want(unsigned number) { return wants_.want(block(number), WantType::block, now_); }
  bool ask(unsigned number) { return wants_.want(block(number), WantType::have, now_); }
  std::vector<std::string> said() {
    const auto list = wants_.next_list(now_);
    full_ = list.full;
    std::vector<std::string> said;
    for (const WantEntry& entry : list.entries) {
      const char* const sign = entry.cancel ? "-" : entry.type == WantType::have ? "?" : "+";
      said.push_back(sign + name(entry.cid));
    }
    return said;
  }
  // The stream is there and has taken its first list.
  void begin() {
    EXPECT_THAT(said(), IsEmpty());
    EXPECT_TRUE(full_);
  }
  static std::string name(const ipld::Cid& cid) {
    for (unsigned i = 0; i < 2000; ++i) {
      if (block(i) == cid) return std::to_string(i);
    }
    return "unknown";
  }

  PeerWants wants_;
  SteadyTime now_{1h};
  bool full_ = false;
};

TEST_F(WantsScript, wants_of_one_turn_go_into_one_list) {
  begin();
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(want(i));
  EXPECT_TRUE(wants_.has_news());
  EXPECT_THAT(said(), UnorderedElementsAre("+0", "+1", "+2"));
  EXPECT_FALSE(full_);
  EXPECT_FALSE(wants_.has_news());
}

TEST_F(WantsScript, a_new_stream_hears_all_that_is_wanted) {
  want(1);
  want(2);
  EXPECT_THAT(said(), UnorderedElementsAre("+1", "+2"));
  EXPECT_TRUE(full_);
  want(3);
  wants_.stream_lost();
  EXPECT_TRUE(wants_.has_news());
  EXPECT_THAT(said(), UnorderedElementsAre("+1", "+2", "+3"));
  EXPECT_TRUE(full_);
}

TEST_F(WantsScript, a_lost_stream_needs_no_other_when_nothing_is_wanted) {
  begin();
  want(1);
  said();
  EXPECT_EQ(wants_.block_came(block(1)), Arrival::wanted);
  wants_.stream_lost();
  EXPECT_FALSE(wants_.has_news());
}

TEST_F(WantsScript, what_was_said_is_taken_back_and_what_was_not_is_forgotten) {
  begin();
  want(1);
  said();
  want(2);
  wants_.cancel(block(1));
  wants_.cancel(block(2));
  wants_.cancel(block(9));
  EXPECT_THAT(said(), UnorderedElementsAre("-1"));
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(WantsScript, who_changes_their_mind_twice_says_it_once) {
  begin();
  want(1);
  said();
  wants_.cancel(block(1));
  want(1);
  EXPECT_THAT(said(), UnorderedElementsAre("+1"));
}

TEST_F(WantsScript, a_question_may_become_a_want_but_not_the_reverse) {
  begin();
  ask(1);
  EXPECT_THAT(said(), UnorderedElementsAre("?1"));
  want(1);
  EXPECT_THAT(said(), UnorderedElementsAre("+1"));
  ask(1);
  EXPECT_THAT(said(), IsEmpty());
  EXPECT_FALSE(wants_.presence_came({block(1), true}, now_));  // The block is to come.
  EXPECT_TRUE(wants_.owes(block(1)));
}

TEST_F(WantsScript, tells_what_came_from_what_came_late_and_what_nobody_wanted) {
  begin();
  want(1);
  want(2);
  said();
  EXPECT_EQ(wants_.block_came(block(1)), Arrival::wanted);
  EXPECT_EQ(wants_.block_came(block(1)), Arrival::late);
  wants_.cancel(block(2));
  EXPECT_EQ(wants_.block_came(block(2)), Arrival::late);
  EXPECT_EQ(wants_.block_came(block(3)), Arrival::unasked);
}

TEST_F(WantsScript, a_peer_that_sends_what_it_likes_is_found_out) {
  begin();
  want(1);
  said();
  for (unsigned i = 10; i < 14; ++i) wants_.block_came(block(i));
  EXPECT_FALSE(wants_.sends_what_it_likes());
  wants_.block_came(block(14));
  EXPECT_TRUE(wants_.sends_what_it_likes());
}

TEST_F(WantsScript, what_the_peer_lacks_is_known_for_a_while_and_no_longer_wanted) {
  begin();
  want(1);
  said();
  EXPECT_TRUE(wants_.presence_came({block(1), false}, now_));
  EXPECT_FALSE(wants_.owes(block(1)));
  EXPECT_TRUE(wants_.lacks(block(1), now_));
  EXPECT_FALSE(wants_.lacks(block(1), now_ + 6s));
  EXPECT_THAT(said(), UnorderedElementsAre("-1"));  // It would send it some day.
  EXPECT_FALSE(wants_.presence_came({block(1), false}, now_));
}

TEST_F(WantsScript, a_question_is_answered_by_yes_by_no_and_by_the_block) {
  begin();
  for (unsigned i = 1; i <= 3; ++i) ask(i);
  said();
  EXPECT_TRUE(wants_.presence_came({block(1), true}, now_));
  EXPECT_TRUE(wants_.presence_came({block(2), false}, now_));
  EXPECT_EQ(wants_.block_came(block(3)), Arrival::wanted);
  EXPECT_EQ(wants_.owed(), 0U);
}

TEST_F(WantsScript, a_silent_peer_is_asked_again) {
  begin();
  want(1);
  said();
  now_ += 2s;
  EXPECT_FALSE(wants_.tick(now_));
  now_ += 2s;
  EXPECT_TRUE(wants_.tick(now_));
  EXPECT_THAT(said(), UnorderedElementsAre("+1"));
  wants_.heard(now_ + 2s);
  now_ += 4s;
  EXPECT_FALSE(wants_.tick(now_));  // It is at work.
}

TEST_F(WantsScript, more_than_a_peer_remembers_is_not_wanted_of_it) {
  begin();
  for (unsigned i = 0; i < 900; ++i) EXPECT_TRUE(want(i));
  EXPECT_FALSE(want(900));
  EXPECT_TRUE(want(5));  // It is wanted already.
  EXPECT_EQ(said().size(), 512U);
  EXPECT_EQ(said().size(), 388U);
}

TEST_F(WantsScript, what_it_remembers_has_a_bound) {
  WantsLimits limits;
  limits.remembered = 8;
  PeerWants wants(limits);
  for (unsigned i = 0; i < 100; ++i) {
    wants.want(block(i), WantType::block, now_);
    wants.next_list(now_);
    EXPECT_EQ(wants.block_came(block(i)), Arrival::wanted);
    wants.want(block(1000 + i), WantType::block, now_);
    wants.next_list(now_);
    wants.presence_came({block(1000 + i), false}, now_);
  }
  EXPECT_EQ(wants.block_came(block(0)), Arrival::unasked);
  EXPECT_FALSE(wants.lacks(block(1000), now_));
  EXPECT_TRUE(wants.lacks(block(1099), now_));
}

TEST_F(WantsScript, a_want_carries_its_priority_and_may_begin_to_hurry) {
  begin();
  const auto priorities = [this] {
    std::map<std::string, std::int32_t> said;
    for (const WantEntry& entry : wants_.next_list(now_).entries) {
      said[name(entry.cid)] = entry.priority;
    }
    return said;
  };
  wants_.want(block(1), WantType::block, now_, Urgency::background);
  wants_.want(block(2), WantType::block, now_, Urgency::foreground);
  auto said = priorities();
  EXPECT_LT(said.at("1"), said.at("2"));
  const std::int32_t high = said.at("2");
  wants_.want(block(1), WantType::block, now_, Urgency::background);
  wants_.want(block(2), WantType::block, now_, Urgency::background);
  EXPECT_FALSE(wants_.has_news());
  wants_.want(block(1), WantType::block, now_, Urgency::foreground);
  said = priorities();
  EXPECT_EQ(said.size(), 1U);
  EXPECT_EQ(said.at("1"), high);
}

}  // namespace
}  // namespace accel::exchange::bitswap
