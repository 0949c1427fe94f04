// SPDX-License-Identifier: Apache-2.0
// The pure parts of llama/: who is decoded next, and what text may be shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "llama/prompt_lookup.hpp"
#include "llama/slot_planner.hpp"
#include "llama/text_stream.hpp"

namespace accel::inference::llama {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(WrittenText, is_whole_at_any_length) {
  for (const std::int32_t size : {0, 1, 63, 64, 65, 256, 257, 5000}) {
    const auto write = [&](char* into, std::int32_t room) {
      if (size > room) return -size;
      std::fill_n(into, size, 'x');
      return size;
    };
    EXPECT_EQ(written_text(write), std::string(static_cast<std::size_t>(size), 'x'));
  }
  EXPECT_EQ(written_text([](char*, std::int32_t) { return -3; }), "")
      << "a token that there is not";
}

SlotLimits limits() { return {2, 2, 100, 50, 16}; }

std::vector<RequestId> ids_of(const std::vector<Chunk>& plan) {
  std::vector<RequestId> ids;
  for (const Chunk& chunk : plan) ids.push_back(chunk.id);
  return ids;
}

// A step of a context whose moves are made.
std::vector<Chunk> step(SlotPlanner& planner) {
  planner.seat();
  return planner.next();
}

TEST(SlotPlanner, feeds_a_prompt_in_batches_and_samples_after_its_last_token) {
  SlotPlanner planner(limits());
  ASSERT_TRUE(planner.submit(1, 20, 5));
  auto plan = step(planner);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].count, 16U);
  EXPECT_FALSE(plan[0].samples);
  plan = step(planner);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].position, 16U);
  EXPECT_EQ(plan[0].count, 4U);
  EXPECT_TRUE(plan[0].samples);
  EXPECT_THAT(step(planner), IsEmpty()) << "it waits for the sampled token";
  planner.sampled(1);
  plan = step(planner);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].position, 20U);
}

TEST(SlotPlanner, decodes_running_texts_before_prompts_take_the_rest_of_the_batch) {
  SlotPlanner planner(limits());
  ASSERT_TRUE(planner.submit(1, 4, 5));
  step(planner);
  planner.sampled(1);
  ASSERT_TRUE(planner.submit(2, 40, 5));
  const auto plan = step(planner);
  ASSERT_THAT(ids_of(plan), ElementsAre(1U, 2U));
  EXPECT_EQ(plan[0].count, 1U);
  EXPECT_EQ(plan[1].count, 15U);
  EXPECT_NE(plan[0].slot, plan[1].slot);
}

TEST(SlotPlanner, decodes_guesses_behind_the_last_token_and_takes_wrong_ones_back) {
  SlotPlanner planner({2, 2, 100, 50, 8});
  ASSERT_TRUE(planner.submit(1, 4, 20));
  step(planner);
  planner.drafted(1, 3);
  EXPECT_THAT(planner.decoding(), IsEmpty()) << "no token waits yet";
  planner.sampled(1);
  EXPECT_THAT(planner.decoding(), ElementsAre(1U));
  planner.drafted(1, 3);
  auto plan = step(planner);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].position, 4U);
  EXPECT_EQ(plan[0].count, 4U);
  EXPECT_EQ(plan[0].drafts, 3U);
  planner.rejected(1, 2);
  planner.sampled(1);
  plan = step(planner);
  EXPECT_EQ(plan.at(0).position, 6U);
  EXPECT_EQ(plan.at(0).drafts, 0U) << "guesses count once";
}

TEST(SlotPlanner, guesses_leave_room_in_the_batch_and_fit_what_the_text_reserved) {
  SlotPlanner planner({2, 2, 100, 50, 8});
  ASSERT_TRUE(planner.submit(1, 4, 20));
  ASSERT_TRUE(planner.submit(2, 4, 3));
  step(planner);
  for (const RequestId id : {1U, 2U}) planner.sampled(id);
  for (const RequestId id : {1U, 2U}) planner.drafted(id, 30);
  const auto plan = step(planner);
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_EQ(plan[0].drafts, 6U) << "eight tokens, one for each text";
  EXPECT_EQ(plan[1].drafts, 0U);
  planner.rejected(1, 6);
  planner.sampled(2);
  planner.drafted(2, 30);
  EXPECT_EQ(step(planner).at(0).drafts, 1U) << "four and three tokens, five of them done";
}

TEST(PromptLookup, goes_on_as_the_text_did_the_last_time) {
  const std::vector<TokenId> text{1, 2, 3, 4, 5, 9, 2, 3, 7, 8, 2, 3};
  EXPECT_THAT(look_up(text, 2), ElementsAre(7, 8)) << "the latest of equal ones";
  EXPECT_THAT(look_up(text, 9), ElementsAre(7, 8, 2, 3));
  EXPECT_THAT(look_up(std::vector<TokenId>{1, 2, 3, 4, 8, 2, 3, 9, 1, 2, 3}, 1), ElementsAre(4))
      << "the longer likeness goes first";
  EXPECT_THAT(look_up(std::vector<TokenId>{5, 5, 5, 5}, 3), ElementsAre(5));
  EXPECT_THAT(look_up(std::vector<TokenId>{1, 2, 3}, 3), IsEmpty());
  EXPECT_THAT(look_up({}, 3), IsEmpty());
}

TEST(SlotPlanner, gives_slots_in_the_order_of_arrival_and_refuses_beyond_the_queue) {
  SlotPlanner planner(limits());
  for (RequestId id = 1; id <= 4; ++id) ASSERT_TRUE(planner.submit(id, 2, 2));
  EXPECT_EQ(planner.submit(5, 2, 2).error().code, Errc::resource_exhausted);
  EXPECT_THAT(ids_of(step(planner)), ElementsAre(1U, 2U));
  EXPECT_EQ(planner.waiting(), 2U);
  EXPECT_THAT(planner.end(1), ElementsAre(::testing::_));
  EXPECT_THAT(ids_of(step(planner)), ElementsAre(3U));
  EXPECT_TRUE(planner.submit(5, 2, 2));
}

// The texts in the order of their slots, of which there is one.
std::vector<RequestId> order_of(SlotPlanner& planner) {
  std::vector<RequestId> order;
  while (!planner.idle()) {
    planner.seat();
    order.push_back(planner.running_ids().front());
    planner.end(order.back());
  }
  return order;
}

TEST(SlotPlanner, a_higher_level_gets_a_slot_first_and_within_it_whoever_came_first) {
  SlotPlanner planner({1, 8, 100, 50, 16});
  ASSERT_TRUE(planner.submit(1, 2, 2, {}, Priority::low));
  ASSERT_TRUE(planner.submit(2, 2, 2));
  ASSERT_TRUE(planner.submit(3, 2, 2));
  ASSERT_TRUE(planner.submit(4, 2, 2, {}, Priority::high));
  EXPECT_THAT(order_of(planner), ElementsAre(4U, 2U, 3U, 1U));
}

TEST(SlotPlanner, one_slot_in_nine_is_for_whoever_waits_longest_whatever_the_level) {
  SlotPlanner planner({1, 64, 100, 50, 16});
  ASSERT_TRUE(planner.submit(1, 2, 2, {}, Priority::low));
  ASSERT_TRUE(planner.submit(2, 2, 2));
  for (RequestId id = 3; id <= 22; ++id) ASSERT_TRUE(planner.submit(id, 2, 2, {}, Priority::high));
  const std::vector<RequestId> order = order_of(planner);
  EXPECT_EQ(std::ranges::find(order, RequestId{1}) - order.begin(), 8);
  EXPECT_EQ(std::ranges::find(order, RequestId{2}) - order.begin(), 17);
}

TEST(SlotPlanner, an_urgent_text_that_does_not_fit_yet_is_waited_for) {
  SlotPlanner planner({2, 8, 60, 50, 16});
  ASSERT_TRUE(planner.submit(1, 10, 30));
  EXPECT_THAT(ids_of(step(planner)), ElementsAre(1U));
  ASSERT_TRUE(planner.submit(2, 1, 1));
  ASSERT_TRUE(planner.submit(3, 10, 20, {}, Priority::high));
  EXPECT_THAT(step(planner), IsEmpty()) << "2 does not take its room";
  planner.end(1);
  EXPECT_THAT(ids_of(step(planner)), ElementsAre(3U, 2U));
}

TEST(SlotPlanner, a_text_waits_until_its_whole_answer_fits_the_context) {
  SlotPlanner planner({2, 8, 60, 50, 16});
  ASSERT_TRUE(planner.submit(1, 10, 30));
  ASSERT_TRUE(planner.submit(2, 10, 20));
  ASSERT_TRUE(planner.submit(3, 1, 1));
  EXPECT_THAT(ids_of(step(planner)), ElementsAre(1U)) << "3 does not overtake 2";
  planner.end(1);
  EXPECT_THAT(ids_of(step(planner)), ElementsAre(2U, 3U));
}

TEST(SlotPlanner, refuses_what_can_never_fit) {
  SlotPlanner planner(limits());
  for (const auto& [prompt, answer] : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, 1}, {1, 0}, {50, 1}, {49, 2}, {1, ~std::size_t{0}}, {~std::size_t{0}, 1}}) {
    EXPECT_EQ(planner.submit(1, prompt, answer).error().code, Errc::invalid_argument);
  }
  EXPECT_TRUE(planner.submit(1, 49, 1));
}

TEST(SlotPlanner, ends_what_waits_and_what_runs_and_is_idle_then) {
  SlotPlanner planner(limits());
  for (RequestId id = 1; id <= 3; ++id) ASSERT_TRUE(planner.submit(id, 2, 2));
  step(planner);
  EXPECT_THAT(planner.end(3), IsEmpty());
  EXPECT_EQ(planner.end(1).size() + planner.end(2).size(), 2U);
  EXPECT_THAT(planner.end(2), IsEmpty());
  EXPECT_TRUE(planner.idle());
}

// Whatever happens in whatever order: no slot twice, no token twice, the context never overrun.
class RandomRun {
 public:
  explicit RandomRun(std::uint32_t seed) : state_(seed) {}

  void turn() {
    const std::size_t prompt = 1 + roll(30), answer = 1 + roll(9);
    if (roll(2) == 0 &&
        planner_.submit(++id_, prompt, answer, {}, static_cast<Priority>(1 + roll(3))))
      left_[id_] = {0, prompt + answer - 1};
    std::size_t tokens = 0;
    std::set<std::size_t> slots;
    for (const Chunk& chunk : step(planner_)) {
      EXPECT_TRUE(slots.insert(chunk.slot).second);
      tokens += chunk.count;
      take(chunk);
    }
    EXPECT_LE(tokens, kFew.batch);
    EXPECT_LE(planner_.running(), kFew.slots);
  }

 private:
  static constexpr SlotLimits kFew{3, 4, 64, 40, 8};

  std::uint32_t roll(std::uint32_t sides) {
    state_ = state_ * 1664525U + 1013904223U;
    return (state_ >> 16U) % sides;
  }
  void take(const Chunk& chunk) {
    auto& [done, all] = left_.at(chunk.id);
    EXPECT_EQ(chunk.position, done);
    done += chunk.count;
    EXPECT_LE(done, all);
    if (!chunk.samples) return;
    if (done < all && roll(20) != 0) return planner_.sampled(chunk.id);
    EXPECT_EQ(planner_.end(chunk.id).size(), 1U);
  }

  std::uint32_t state_;
  SlotPlanner planner_{kFew};
  std::map<RequestId, std::pair<std::size_t, std::size_t>> left_;  // Done so far, all in all.
  RequestId id_ = 0;
};

TEST(SlotPlanner, keeps_its_word_in_random_runs) {
  for (std::uint32_t seed = 1; seed <= 50 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    RandomRun run(seed);
    for (int turn = 0; turn < 300; ++turn) run.turn();
  }
}

TEST(TextStream, holds_bytes_back_until_they_are_a_character) {
  TextStream stream({});
  EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80z"), "\xF0\x9F\x98\x80z");
  EXPECT_EQ(stream.push("\xE2\x82"), "");
  EXPECT_EQ(stream.finish(), "\xEF\xBF\xBD");
}

TEST(TextStream, ends_before_the_first_stop_word_wherever_tokens_cut_it) {
  TextStream stream({"STOP", "\n\n"});
  EXPECT_EQ(stream.push("one S"), "one ");
  EXPECT_EQ(stream.push("T"), "");
  EXPECT_EQ(stream.push("AR S"), "STAR ");
  EXPECT_EQ(stream.push("TO"), "");
  EXPECT_FALSE(stream.stopped());
  EXPECT_EQ(stream.push("P two"), "");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.push("more"), "");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, gives_what_waited_for_a_stop_word_that_never_came) {
  TextStream stream({"</s>"});
  EXPECT_EQ(stream.push("a <"), "a ");
  EXPECT_EQ(stream.finish(), "<");
}

TEST(Utf8, replaces_each_maximal_part_that_is_no_character) {
  EXPECT_EQ(valid_utf8("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80x"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx");
  EXPECT_EQ(valid_utf8("\xE2\x82x"), "\xEF\xBF\xBDx");
  EXPECT_EQ(valid_utf8("h\xC3\xA9"), "h\xC3\xA9");
  EXPECT_EQ(decided_utf8("ab\xE2\x82"), 2U);
  EXPECT_EQ(decided_utf8("ab\xFF"), 3U);
}

}  // namespace
}  // namespace accel::inference::llama
