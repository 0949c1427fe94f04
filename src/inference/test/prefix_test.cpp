// SPDX-License-Identifier: Apache-2.0
// Prompts that begin as what a slot holds: where they go on from, what must go for them, and that
// the context then holds their own tokens, whatever happened before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "llama/logprob.hpp"
#include "llama/prefix_cache.hpp"
#include "llama/slot_planner.hpp"

namespace accel::inference::llama {
namespace {

using Tokens = std::vector<TokenId>;

Tokens counted(TokenId from, std::size_t size) {
  Tokens tokens(size);
  std::iota(tokens.begin(), tokens.end(), from);
  return tokens;
}

TEST(PrefixCache, finds_the_longest_prefix_and_forgets_the_oldest) {
  PrefixCache cache;
  EXPECT_FALSE(cache.best(counted(0, 5), ""));
  EXPECT_FALSE(cache.oldest());
  cache.keep(0, counted(0, 10), "");
  cache.keep(1, counted(0, 20), "");
  cache.keep(2, counted(5, 5), "");
  const auto match = cache.best(counted(0, 15), "");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->slot, 1U);
  EXPECT_EQ(match->length, 15U);
  EXPECT_EQ(match->held, 20U);
  EXPECT_EQ(cache.best(counted(0, 8), "")->slot, 1U) << "of equal ones the last";
  EXPECT_EQ(cache.tokens(), 35U);
  EXPECT_EQ(cache.oldest(), 0U);
  cache.keep(0, counted(0, 3), "");
  EXPECT_EQ(cache.oldest(), 1U);
  cache.drop(1);
  cache.drop(1);
  EXPECT_EQ(cache.tokens(), 8U);
}

TEST(PrefixCache, gives_what_one_scope_kept_to_no_other) {
  PrefixCache cache;
  cache.keep(0, counted(0, 20), "key-a");
  cache.keep(1, counted(0, 10), "");
  EXPECT_EQ(cache.best(counted(0, 20), "key-a")->slot, 0U);
  EXPECT_EQ(cache.best(counted(0, 20), "")->slot, 1U);
  EXPECT_FALSE(cache.best(counted(0, 20), "key-b"));
  EXPECT_EQ(cache.oldest(), 0U) << "room is made whoever needs it";
}

// One text from its prompt to its end, `answer` tokens long.
std::vector<Move> run(SlotPlanner& planner, RequestId id, const Tokens& prompt,
                      std::size_t answer = 1, const std::string& scope = {}) {
  EXPECT_TRUE(planner.submit(id, prompt.size(), answer, {prompt, scope}));
  const auto moves = planner.seat();
  for (auto plan = planner.next(); !plan.empty(); plan = planner.next()) {
  }
  planner.end(id, prompt);
  return moves;
}

TEST(SlotPlanner, goes_on_in_place_from_a_slot_that_holds_the_beginning) {
  SlotPlanner planner({2, 2, 100, 50, 16});
  EXPECT_EQ(run(planner, 1, counted(0, 20)).at(0).keep, 0U);
  EXPECT_EQ(planner.kept_tokens(), 20U);
  const auto moves = run(planner, 2, counted(0, 25));
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(moves[0].keep, 20U);
  EXPECT_EQ(moves[0].slot, moves[0].source);
  // The last token is decoded again: its logits are wanted.
  EXPECT_EQ(run(planner, 3, counted(0, 25)).at(0).keep, 24U);
}

TEST(SlotPlanner, copies_the_beginning_of_a_longer_text_and_leaves_that) {
  SlotPlanner planner({2, 2, 200, 90, 16});
  run(planner, 1, counted(0, 60));
  Tokens other = counted(0, 10);
  other.resize(30, 7);
  const auto moves = run(planner, 2, other);
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(moves[0].keep, 10U);
  EXPECT_NE(moves[0].slot, moves[0].source);
  EXPECT_EQ(planner.kept_tokens(), 90U);
}

TEST(SlotPlanner, copies_from_a_text_that_still_runs) {
  SlotPlanner planner({2, 2, 200, 90, 64});
  const Tokens first = counted(0, 40), second = counted(0, 20);
  ASSERT_TRUE(planner.submit(1, first.size(), 9, {first}));
  planner.seat();
  planner.next();
  ASSERT_TRUE(planner.submit(2, second.size(), 9, {second}));
  const auto moves = planner.seat();
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(moves[0].keep, 19U);
  EXPECT_NE(moves[0].slot, moves[0].source);
  const auto plan = planner.next();
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].position, 19U);
  EXPECT_TRUE(plan[0].samples);
}

TEST(SlotPlanner, goes_on_from_nothing_of_another_scope_kept_or_running) {
  SlotPlanner planner({2, 2, 200, 90, 64});
  const Tokens prompt = counted(0, 40);
  run(planner, 1, prompt, 1, "key-a");
  EXPECT_EQ(run(planner, 2, prompt, 1, "key-b").at(0).keep, 0U) << "kept";
  EXPECT_EQ(run(planner, 3, prompt, 1, "key-b").at(0).keep, 39U) << "its own";
  ASSERT_TRUE(planner.submit(4, prompt.size(), 9, {prompt, "key-c"}));
  EXPECT_EQ(planner.seat().at(0).keep, 0U);
  planner.next();
  ASSERT_TRUE(planner.submit(5, prompt.size(), 9, {prompt, "key-d"}));
  EXPECT_EQ(planner.seat().at(0).keep, 0U) << "running";
}

TEST(SlotPlanner, what_is_kept_goes_when_its_room_is_needed) {
  SlotPlanner planner({3, 3, 100, 90, 128});
  run(planner, 1, counted(0, 40));
  run(planner, 2, counted(1000, 30));
  const auto moves = run(planner, 3, counted(2000, 50), 10);
  ASSERT_EQ(moves.size(), 2U);
  EXPECT_EQ(moves[1].id, 0U);
  EXPECT_EQ(moves[1].keep, 0U);
  EXPECT_EQ(planner.kept_tokens(), 80U) << "the oldest went";
}

TEST(SlotPlanner, a_move_that_failed_starts_from_nothing) {
  SlotPlanner planner({1, 1, 100, 90, 128});
  run(planner, 1, counted(0, 20));
  const Tokens prompt = counted(0, 30);
  ASSERT_TRUE(planner.submit(2, prompt.size(), 1, {prompt}));
  EXPECT_EQ(planner.seat().at(0).keep, 20U);
  planner.start_over(2);
  EXPECT_EQ(planner.next().at(0).count, 30U);
}

TEST(SlotPlanner, prompts_without_tokens_take_and_leave_nothing) {
  SlotPlanner planner({1, 1, 100, 90, 128});
  ASSERT_TRUE(planner.submit(1, 20, 1));
  planner.seat();
  planner.next();
  EXPECT_EQ(planner.end(1).size(), 1U);
  EXPECT_EQ(planner.kept_tokens(), 0U);
}

// A context that does what it is told: each text must find its own tokens before it, and only such
// as a text of its scope has decoded.
class Simulation {
 public:
  explicit Simulation(std::uint32_t seed) : state_(seed) {}

  void turn() {
    Tokens prompt;
    const std::size_t size = 1 + roll(30);
    for (std::size_t i = 0; i < size; ++i)
      prompt.push_back(static_cast<TokenId>(i < 12 ? i : i * (1 + roll(2))));
    const std::size_t answer = 1 + roll(9);
    const std::string scope(1, static_cast<char>('a' + roll(2)));
    auto [text, added] = texts_.emplace(++id_, Text{prompt, {}, answer, scope});
    if (!planner_.submit(id_, prompt.size(), answer, {text->second.prompt, scope}))
      texts_.erase(text);
    for (const Move& move : planner_.seat()) make(move);
    for (const RequestId id : planner_.decoding()) guess(id);
    for (const Chunk& chunk : planner_.next()) decode(chunk);
    std::size_t used = 0;
    for (const auto& [slot, tokens] : context_) used += tokens.size();
    EXPECT_LE(used, kFew.context);
  }
  std::size_t reused() const { return reused_; }
  std::size_t rejected() const { return rejected_; }

 private:
  static constexpr SlotLimits kFew{3, 4, 90, 40, 8};
  struct Text {
    Tokens prompt, answer;
    std::size_t most;
    std::string scope;
    Tokens guesses = {};
    TokenId token_at(std::size_t place) const {
      if (place < prompt.size()) return prompt[place];
      const std::size_t written = place - prompt.size();
      return written < answer.size() ? answer[written] : guesses.at(written - answer.size());
    }
  };

  struct Held {
    TokenId token = 0;
    std::string scope;  // Of the text that decoded it.
  };

  std::uint32_t roll(std::uint32_t sides) {
    state_ = state_ * 1664525U + 1013904223U;
    return (state_ >> 16U) % sides;
  }
  void guess(RequestId id) {
    Text& text = texts_.at(id);
    text.guesses.assign(roll(4), -1);
    planner_.drafted(id, text.guesses.size());
  }
  void make(const Move& move) {
    std::vector<Held> kept = context_[move.source];
    // As when the context can't go back, or what was to be copied started over itself.
    const bool fails = kept.size() < move.keep || roll(10) == 0;
    kept.resize(move.keep);
    if (move.id != 0 && move.keep > 0 && fails) {
      kept.clear();
      planner_.start_over(move.id);
    }
    reused_ += kept.size();
    context_[move.slot] = std::move(kept);
  }
  void decode(const Chunk& chunk) {
    Text& text = texts_.at(chunk.id);
    std::vector<Held>& held = context_[chunk.slot];
    ASSERT_EQ(held.size(), chunk.position);
    for (std::size_t i = 0; i < held.size(); ++i) {
      ASSERT_EQ(held[i].token, text.token_at(i));
      ASSERT_EQ(held[i].scope, text.scope);
    }
    for (std::size_t i = 0; i < chunk.count; ++i)
      held.push_back({text.token_at(chunk.position + i), text.scope});
    if (!chunk.samples) return;
    take_guesses(chunk, text);
    text.answer.push_back(static_cast<TokenId>(roll(50)));
    if (text.answer.size() < text.most && roll(20) != 0) return planner_.sampled(chunk.id);
    Tokens all = text.prompt;
    all.insert(all.end(), text.answer.begin(), text.answer.end());
    if (roll(10) == 0) all.clear();
    for (const std::size_t slot : planner_.end(chunk.id, all)) context_[slot].clear();
    texts_.erase(chunk.id);
  }

  // Some of the first were right; the others go.
  void take_guesses(const Chunk& chunk, Text& text) {
    const std::size_t room = text.most - text.answer.size() - 1;
    const std::size_t right = std::min<std::size_t>(roll(4), std::min(chunk.drafts, room));
    text.answer.insert(text.answer.end(), text.guesses.begin(),
                       text.guesses.begin() + static_cast<std::ptrdiff_t>(right));
    text.guesses.clear();
    if (right == chunk.drafts) return;
    planner_.rejected(chunk.id, chunk.drafts - right);
    context_[chunk.slot].resize(context_[chunk.slot].size() - (chunk.drafts - right));
    rejected_ += chunk.drafts - right;
  }

  std::uint32_t state_;
  SlotPlanner planner_{kFew};
  std::map<RequestId, Text> texts_;
  std::map<std::size_t, std::vector<Held>> context_;
  RequestId id_ = 0;
  std::size_t reused_ = 0;
  std::size_t rejected_ = 0;
};

TEST(SlotPlanner, each_text_finds_its_own_tokens_before_it_whatever_was_kept) {
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Simulation simulation(seed);
    for (int i = 0; i < 300; ++i) simulation.turn();
    EXPECT_GT(simulation.reused(), 100U);
    EXPECT_GT(simulation.rejected(), 10U);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Logprob, is_the_log_softmax_and_names_the_likeliest_first) {
  const std::vector<float> logits{1, 3, 2, 3};
  const TokenLogprob result = logprob_of(logits, 2, 3);
  const double sum = std::exp(1.0) + 2 * std::exp(3.0) + std::exp(2.0);
  EXPECT_NEAR(result.chosen.logprob, 2 - std::log(sum), 1e-12);
  ASSERT_EQ(result.top.size(), 3U);
  EXPECT_EQ(result.top[0].token, 1);
  EXPECT_EQ(result.top[1].token, 3);
  EXPECT_EQ(result.top[2].token, 2);
  EXPECT_TRUE(logprob_of(logits, 0, 0).top.empty());
  EXPECT_EQ(logprob_of(logits, 0, 20).top.size(), 4U);
  const std::vector<float> far{-1000, 1000};
  EXPECT_EQ(logprob_of(far, 1, 0).chosen.logprob, 0);
  EXPECT_EQ(logprob_of(far, 0, 0).chosen.logprob, -2000);
}

}  // namespace
}  // namespace accel::inference::llama
