// SPDX-License-Identifier: Apache-2.0
// What texts on real weights go on from: that which earlier ones left, in the context or beside it.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>

#include "llama_fixture.hpp"

namespace accel::inference {
namespace {

class LlamaPrefix : public Llama {};

TEST_F(LlamaPrefix, a_prompt_goes_on_from_what_an_earlier_text_left_and_gives_the_same) {
  open({.context = 2048, .parallel = 2});
  std::string story = "Once upon a time there was a cat who lived in a small house by the sea.";
  for (int i = 0; i < 5; ++i) story += " Every morning it walked to the harbour to see the boats.";
  GenerationRequest asked = request(story, 24);
  asked.logprobs = 2;
  const auto first = model_->generate(asked, {}, {});
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ(first->cached_tokens, 0U);
  EXPECT_EQ(model_->load().kept_tokens, asked.prompt.size() + 23);
  const auto again = model_->generate(asked, {}, {});
  EXPECT_EQ(again->cached_tokens, asked.prompt.size() - 1);
  GenerationRequest apart = asked;
  apart.reuse_prefix = false;
  const auto alone = model_->generate(apart, {}, {});
  EXPECT_EQ(alone->cached_tokens, 0U);
  expect_same(*again, *alone);
  expect_same(*first, *alone);
  // The next turn of a chat: the answer is in the context, too.
  asked.prompt.insert(asked.prompt.end(), first->tokens.begin(), first->tokens.end());
  const auto next_turn = model_->generate(asked, {}, {});
  EXPECT_EQ(next_turn->cached_tokens, asked.prompt.size() - 1);
  EXPECT_GE(again->prefill_ms, 0);
}

TEST_F(LlamaPrefix, a_prefix_is_shared_with_a_text_that_still_runs) {
  open({.context = 2048, .parallel = 2});
  std::string system = "You are a helpful assistant that answers questions about the sea.";
  for (int i = 0; i < 4; ++i) system += " Be brief, be friendly, and say when you do not know.";
  const auto alone = model_->generate(request(system + " Why is it salty?", 12), {}, {});
  open({.context = 2048, .parallel = 2});
  std::atomic<bool> writes = false;
  auto long_one = std::async(std::launch::async, [&] {
    return model_->generate(request(system + " How deep is it?", 300),
                            [&](const TextPiece&) { writes = true; }, {});
  });
  while (!writes) std::this_thread::yield();
  const auto other = model_->generate(request(system + " Why is it salty?", 12), {}, {});
  ASSERT_TRUE(other) << other.error().to_string();
  EXPECT_GT(other->cached_tokens, 40U);
  EXPECT_EQ(other->text, alone->text);
  EXPECT_TRUE(long_one.get());
}

// A story of `sentences` alike ones.
std::string story_of(const std::string& hero, int sentences) {
  std::string story = "Once upon a time there was a " + hero + " who lived by the sea.";
  for (int i = 0; i < sentences; ++i) story += " Every morning it walked to the harbour.";
  return story;
}

TEST_F(LlamaPrefix, an_ended_text_makes_way_for_others_and_comes_back_as_it_was) {
  open({.context = 4096, .parallel = 4});
  GenerationRequest asked = request(story_of("cat", 5), 16);
  asked.logprobs = 2;
  const auto first = model_->generate(asked, {}, {});
  ASSERT_TRUE(first) << first.error().to_string();
  const auto other = model_->generate(request(story_of("dog", 5), 16), {}, {});
  ASSERT_TRUE(other) << other.error().to_string();
  for (int i = 0; i < 2; ++i) {  // The second time both have been put aside once more.
    const auto again = model_->generate(asked, {}, {});
    EXPECT_EQ(again->cached_tokens, asked.prompt.size() - 1);
    EXPECT_EQ(again->text, first->text);
    const auto dog = model_->generate(request(story_of("dog", 5), 16), {}, {});
    EXPECT_GT(dog->cached_tokens, 50U);
    EXPECT_EQ(dog->text, other->text);
  }
  // Two prompts that begin as one text did: a copy each, and the text itself stays.
  for (const char* end : {" It was happy.", " It was sad."}) {
    const auto branch = model_->generate(request(story_of("cat", 5) + end, 4), {}, {});
    EXPECT_GT(branch->cached_tokens, 50U) << end;
  }
}

TEST_F(LlamaPrefix, ended_texts_beside_the_context_take_a_quarter_of_its_size_at_most) {
  open({.context = 2048, .parallel = 8});
  for (const char* hero : {"cat", "dog", "cow", "hen", "fox", "owl"})
    ASSERT_TRUE(model_->generate(request(story_of(hero, 22), 2), {}, {}));
  const std::size_t one = request(story_of("cat", 22), 2).prompt.size() + 1;
  ASSERT_GT(one, 2048U / 12);  // Three of them are more than a quarter.
  EXPECT_EQ(model_->load().kept_tokens, 3 * one) << "two beside, the last one in the context";
  EXPECT_GT(model_->generate(request(story_of("fox", 22), 2), {}, {})->cached_tokens, 100U);
  EXPECT_LT(model_->generate(request(story_of("cat", 22), 2), {}, {})->cached_tokens, 20U);
}

TEST_F(LlamaPrefix, a_prompt_of_another_scope_goes_on_from_nothing) {
  open({.context = 2048, .parallel = 2});
  GenerationRequest asked = request("one two three four five six seven eight nine ten eleven", 4);
  asked.scope = "key-a";
  EXPECT_EQ(model_->generate(asked, {}, {})->cached_tokens, 0U);
  EXPECT_EQ(model_->generate(asked, {}, {})->cached_tokens, asked.prompt.size() - 1);
  asked.scope = "key-b";
  EXPECT_EQ(model_->generate(asked, {}, {})->cached_tokens, 0U);
}

TEST_F(LlamaPrefix, a_model_without_a_prefix_cache_keeps_nothing) {
  open({.context = 2048, .parallel = 1, .prefix_cache = false});
  for (int i = 0; i < 2; ++i) {
    const auto report =
        model_->generate(request("one two three four five six seven eight nine", 4), {}, {});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->cached_tokens, 0U);
  }
  EXPECT_EQ(model_->load().kept_tokens, 0U);
}

}  // namespace
}  // namespace accel::inference
