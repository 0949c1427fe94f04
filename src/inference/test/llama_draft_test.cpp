// SPDX-License-Identifier: Apache-2.0
// Texts with drafts on real weights: the same as without, by whomever they are drafted, whatever
// their sampler, grammar and stop words are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "llama_fixture.hpp"

namespace accel::inference {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRepeats =
    "Copy this list.\n\nred apple, green pear, blue plum, yellow quince, black cherry\n\nCopy:\n\n"
    "red apple, green pear, blue";

class LlamaDraft : public Llama {
 protected:
  void open_with_draft(std::size_t parallel = 2) {
    open({.context = 2048, .parallel = parallel, .draft_file = weights()});
  }
  GenerationRequest drafted(const GenerationRequest& asked, Draft draft) {
    GenerationRequest with = asked;
    with.draft = draft;
    with.reuse_prefix = false;
    return with;
  }
  // With drafts as without, each from nothing.
  GenerationReport expect_the_same(GenerationRequest asked, Draft draft) {
    asked.logprobs = 2;
    const auto alone = model_->generate(drafted(asked, Draft::none), {}, {});
    const auto with = model_->generate(drafted(asked, draft), {}, {});
    EXPECT_TRUE(alone && with);
    if (!alone || !with) return {};
    EXPECT_EQ(alone->drafted, 0U);
    EXPECT_LE(with->accepted, with->drafted);
    EXPECT_EQ(with->logprobs.size(), with->tokens.size());
    expect_same(*alone, *with);
    return *with;
  }
};

TEST_F(LlamaDraft, greedy_text_is_the_same_and_most_guesses_of_the_model_itself_are_right) {
  open_with_draft();
  EXPECT_TRUE(model_->info().has_draft);
  for (const char* prompt : {"The capital of France is", "Once upon a time there was a cat who"}) {
    const auto with = expect_the_same(request(prompt, 32), Draft::model);
    EXPECT_GT(with.accepted, 8U) << prompt;
    EXPECT_GE(with.accepted * 10, with.drafted * 7) << prompt << with.drafted;
  }
}

TEST_F(LlamaDraft, guesses_from_the_text_itself_give_the_same_text) {
  open();
  EXPECT_FALSE(model_->info().has_draft);
  std::size_t drafted = 0, accepted = 0;
  for (const char* prompt : {kRepeats, "1 2 3 4 1 2 3 4 1 2 3", "Once upon a time"}) {
    const auto with = expect_the_same(request(prompt, 40), Draft::lookup);
    drafted += with.drafted;
    accepted += with.accepted;
  }
  EXPECT_GT(accepted, 20U);
  EXPECT_GT(drafted, accepted) << "wrong ones were among them";
}

TEST_F(LlamaDraft, a_seed_gives_the_text_that_it_gives_without) {
  open_with_draft();
  for (const std::uint32_t seed : {1U, 2U}) {
    GenerationRequest asked = request("Once upon a time", 24);
    asked.sampling = {0.9, 40, 0.95, seed};
    for (const Draft draft : {Draft::lookup, Draft::model}) {
      const auto alone = model_->generate(drafted(asked, Draft::none), {}, {});
      const auto with = model_->generate(drafted(asked, draft), {}, {});
      ASSERT_TRUE(alone && with);
      // Rounding may turn a token that was as good as another.
      EXPECT_EQ(alone->text.substr(0, 20), with->text.substr(0, 20)) << seed;
    }
  }
}

TEST_F(LlamaDraft, penalties_stop_words_and_grammars_hold_as_without) {
  open_with_draft();
  const auto grammar = model_->json_grammar(
      R"({"type":"array","items":{"enum":["red apple","green pear"]},"minItems":3,"maxItems":6})");
  ASSERT_TRUE(grammar) << grammar.error().to_string();
  for (const Draft draft : {Draft::lookup, Draft::model}) {
    GenerationRequest held = request("[\"red apple\", \"green pear\", \"red apple\"]\n", 40);
    held.sampling.grammar = *grammar;
    const auto json = nlohmann::json::parse(expect_the_same(held, draft).text, nullptr, false);
    EXPECT_TRUE(json.is_array() && json.size() >= 3 && json.size() <= 6) << json;
    GenerationRequest stopped = request(kRepeats, 30);
    stopped.stop = {"quince"};
    const auto cut = expect_the_same(stopped, draft);
    EXPECT_EQ(cut.text.find("quince"), std::string::npos);
    EXPECT_EQ(cut.finish, FinishReason::stop);
    GenerationRequest penalized = request(kRepeats, 24);
    penalized.sampling.repeat_penalty = 1.3;
    penalized.sampling.frequency_penalty = 0.5;
    expect_the_same(penalized, draft);
  }
}

TEST_F(LlamaDraft, what_a_drafted_text_leaves_is_right_to_go_on_from) {
  open_with_draft(1);
  std::vector<GenerationReport> next;  // The turn behind each of three.
  for (const Draft draft : {Draft::none, Draft::lookup, Draft::model}) {
    GenerationRequest asked = request(kRepeats, 24);
    asked.draft = draft;
    asked.scope = fmt::format("caller {}", static_cast<int>(draft));
    const auto first = model_->generate(asked, {}, {});
    ASSERT_TRUE(first) << first.error().to_string();
    EXPECT_EQ(first->tokens.size(), 24U);
    EXPECT_EQ(model_->load().kept_tokens, asked.prompt.size() + 23);
    asked.prompt.insert(asked.prompt.end(), first->tokens.begin(), first->tokens.end());
    asked.logprobs = 2;
    const auto turn = model_->generate(asked, {}, {});
    ASSERT_TRUE(turn) << turn.error().to_string();
    EXPECT_EQ(turn->cached_tokens, asked.prompt.size() - 1);
    next.push_back(*turn);
  }
  expect_same(next[0], next[1]);
  expect_same(next[0], next[2]);
}

TEST_F(LlamaDraft, two_texts_draft_side_by_side_and_more_do_not) {
  open({.context = 2048, .parallel = 4, .draft_file = weights()});
  const auto together = [&](std::size_t count) {
    std::vector<std::future<Result<GenerationReport>>> texts;
    for (std::size_t i = 0; i < count; ++i) {
      texts.push_back(std::async(std::launch::async, [&, i] {
        const auto wanted = i % 2 == 0 ? Draft::model : Draft::lookup;
        return model_->generate(drafted(request(kRepeats, 24), wanted), {}, {});
      }));
    }
    std::vector<GenerationReport> reports;
    for (auto& text : texts) reports.push_back(*text.get());
    return reports;
  };
  const auto alone = model_->generate(drafted(request(kRepeats, 24), Draft::none), {}, {});
  ASSERT_TRUE(alone) << alone.error().to_string();
  for (const std::size_t count : {2U, 4U}) {
    for (const GenerationReport& report : together(count))
      EXPECT_EQ(report.text.substr(0, 40), alone->text.substr(0, 40)) << count;
  }
  EXPECT_EQ(model_->load().running, 0U);
}

TEST_F(LlamaDraft, a_text_that_is_broken_off_while_it_drafts_leaves_the_model_well) {
  open_with_draft(1);
  std::stop_source stop;
  const auto at_once = [&](const TextPiece&) { stop.request_stop(); };
  const auto broken =
      model_->generate(drafted(request(kRepeats, 400), Draft::model), at_once, stop.get_token());
  EXPECT_EQ(broken.error().code, Errc::cancelled);
  expect_the_same(request("The capital of France is", 24), Draft::model);
}

TEST_F(LlamaDraft, a_draft_model_of_another_vocabulary_and_none_at_all_are_refused) {
  open();
  GenerationRequest asked = request("a b c", 4);
  asked.draft = Draft::model;
  EXPECT_EQ(model_->generate(asked, {}, {}).error().code, Errc::invalid_argument);
  asked.draft = Draft::lookup;
  asked.draft_max = kMostDrafts + 1;
  EXPECT_EQ(model_->generate(asked, {}, {}).error().code, Errc::invalid_argument);
  auto changed = read_text_file(weights(), 1U << 30U);
  ASSERT_TRUE(changed);
  const std::string token = "Paris";  // Within the name of a token, whose length stays.
  const std::size_t at = changed->find(token, changed->find("tokenizer.ggml.tokens"));
  ASSERT_NE(at, std::string::npos);
  changed->replace(at, token.size(), "Barys");
  const auto path = std::filesystem::temp_directory_path() /
                    fmt::format("accel-draft-{}.gguf", static_cast<int>(::getpid()));
  std::ofstream(path, std::ios::binary) << *changed;
  const auto refused = engine_.open(weights(), {.context = 64, .parallel = 1, .draft_file = path});
  std::filesystem::remove(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("the same vocabulary"));
  EXPECT_EQ(engine_.open(weights(), {.context = 64, .draft_file = "/nowhere.gguf"}).error().code,
            Errc::not_found);
}

}  // namespace
}  // namespace accel::inference
