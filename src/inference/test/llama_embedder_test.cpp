// SPDX-License-Identifier: Apache-2.0
// Vectors by llama.cpp: SmolLM2-135M (a decoder) against llama.cpp's own program, MiniLM-L6 (an
// encoder) against sentence-transformers' arithmetic (test/data/models), and how callers share one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <future>
#include <numeric>
#include <thread>

#include "accel/inference/llama_embedder.hpp"
#include "bert_gguf.hpp"
#include "llama/turns.hpp"
#include "llama_fixture.hpp"

namespace accel::inference {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double most_apart(const std::vector<float>& a, const std::vector<float>& b) {
  double most = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    most = std::max(most, std::abs(static_cast<double>(a[i]) - b[i]));
  return most;
}

class LlamaVectors : public Llama {
 protected:
  void open_embedder(LlamaEmbedderOptions options = {}) {
    auto opened = LlamaEmbedder::open(engine_, weights(), options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    embedder_ = std::move(*opened);
  }
  std::vector<float> vector_of(const std::string& text) {
    auto made = embedder_->embed({&text, 1});
    return made ? made->vectors.at(0) : std::vector<float>();
  }

  std::unique_ptr<LlamaEmbedder> embedder_;
};

const std::vector<std::string> kTexts{"The cat sits on the mat.", "A feline is resting on a rug.",
                                      "x", "Stock markets fell sharply on Monday."};

TEST_F(LlamaVectors, of_a_decoder_are_those_of_llama_cpps_own_program) {
  open_embedder();
  const json reference =
      json::parse(*read_text_file("test/data/models/smollm2_embeddings.json", 1U << 20U));
  for (const json& entry : reference.at("cases")) {
    const std::string text = entry.at("text");
    const auto made = embedder_->embed({&text, 1});
    ASSERT_TRUE(made) << made.error().to_string();
    const std::vector<float> expected = entry.at("embedding");
    ASSERT_EQ(made->vectors.at(0).size(), expected.size());
    EXPECT_GT(dot(made->vectors.at(0), expected), 0.9999) << text;
  }
  EXPECT_EQ(embedder_->info().dimension, 576U);
  EXPECT_EQ(embedder_->info().pooling, LlamaPooling::mean);
}

TEST_F(LlamaVectors, have_length_one_and_are_the_same_alone_and_together) {
  open_embedder();
  std::vector<std::string> texts = kTexts;
  for (int i = 0; i < 20; ++i) texts.push_back(kTexts[0] + " " + std::to_string(i));
  const auto together = embedder_->embed(texts);
  ASSERT_TRUE(together) << together.error().to_string();
  ASSERT_EQ(together->vectors.size(), texts.size());
  for (const std::size_t i : {0U, 2U, 3U, 15U, 16U, 23U}) {
    EXPECT_NEAR(dot(together->vectors[i], together->vectors[i]), 1, 1e-5);
    EXPECT_LT(most_apart(together->vectors[i], vector_of(texts[i])), 1e-3) << texts[i];
  }
  EXPECT_LT(dot(together->vectors[0], together->vectors[3]), 0.999) << "other texts, other vectors";
}

TEST_F(LlamaVectors, of_a_text_that_is_too_long_are_those_of_its_beginning) {
  open_embedder({.max_tokens = 5});
  const auto made = embedder_->embed(std::vector<std::string>{"one two three four five six", "a"});
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(made->cut.size(), 1U);
  EXPECT_EQ(made->tokens.at(0), 5U);
  EXPECT_LT(most_apart(made->vectors[0], vector_of("one two three four five")), 1e-5);
}

// Such a text is longer than what short ones share.
TEST_F(LlamaVectors, of_long_texts_are_pooled_over_all_of_their_tokens) {
  open_embedder();
  std::string text;
  for (int i = 0; i < 270; ++i) text += "word" + std::to_string(i % 7) + " ";
  const auto made = embedder_->embed(std::vector<std::string>{"short", text, "short"});
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_GT(made->tokens.at(1), 512U);
  EXPECT_EQ(made->cut.size(), 0U);
  EXPECT_LT(most_apart(made->vectors[0], made->vectors[2]), 1e-3);
}

TEST_F(LlamaVectors, are_not_made_of_an_empty_text) {
  open_embedder();
  const auto made = embedder_->embed(std::vector<std::string>{"a", ""});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::invalid_argument);
  EXPECT_TRUE(embedder_->embed({})->vectors.empty());
}

TEST_F(LlamaVectors, end_when_they_are_no_longer_wanted_and_the_next_are_right) {
  open_embedder();
  const std::vector<float> before = vector_of(kTexts[0]);
  std::stop_source stop;
  std::string text;
  for (int i = 0; i < 900; ++i) text += "word ";
  const std::vector<std::string> many(200, text);
  auto running =
      std::async(std::launch::async, [&] { return embedder_->embed(many, stop.get_token()); });
  EXPECT_EQ(running.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  stop.request_stop();
  EXPECT_EQ(running.get().error().code, Errc::cancelled);
  EXPECT_EQ(embedder_->embed(kTexts, stop.get_token()).error().code, Errc::cancelled);
  EXPECT_LT(most_apart(vector_of(kTexts[0]), before), 1e-5);
}

TEST_F(LlamaVectors, are_made_beside_texts_that_are_written) {
  open();
  open_embedder();
  const std::vector<float> alone = vector_of(kTexts[0]);
  const auto write = [&] {
    return model_->generate(request("The capital of France is", 12), {}, {})->text;
  };
  const std::string text = write();
  auto writing = std::async(std::launch::async, write);
  std::vector<std::future<std::vector<float>>> others;
  for (int i = 0; i < 4; ++i)
    others.push_back(std::async(std::launch::async, [&] { return vector_of(kTexts[0]); }));
  for (auto& other : others) EXPECT_LT(most_apart(other.get(), alone), 1e-5);
  EXPECT_EQ(writing.get(), text);
}

TEST_F(LlamaVectors, have_options_that_are_checked) {
  for (const LlamaEmbedderOptions& options :
       {LlamaEmbedderOptions{.max_tokens = 1}, LlamaEmbedderOptions{.max_tokens = 1U << 20U},
        LlamaEmbedderOptions{.threads = 0}})
    EXPECT_EQ(LlamaEmbedder::open(engine_, weights(), options).error().code,
              Errc::invalid_argument);
  EXPECT_EQ(LlamaEmbedder::open(engine_, "no such file", {}).error().code, Errc::not_found);
}

// MiniLM in its own weights, which the references were made with.
class BertVectors : public Llama {
 protected:
  void SetUp() override {
    Llama::SetUp();
    const auto folder = weights().parent_path().parent_path() / "all-minilm-l6-v2";
    if (!std::filesystem::exists(folder / "model.safetensors"))
      GTEST_SKIP() << folder << " is not installed; run `tools/deps install model`.";
    file_ = std::filesystem::path(::testing::TempDir()) /
            ("minilm-" + std::to_string(::getpid()) + ".gguf");
    BertGguf(folder).write(file_);
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }

  std::filesystem::path file_;
};

TEST_F(BertVectors, are_those_of_the_reference_and_the_model_writes_no_text) {
  const auto embedder = LlamaEmbedder::open(engine_, file_, {});
  ASSERT_TRUE(embedder) << embedder.error().to_string();
  EXPECT_EQ((*embedder)->info().architecture, "bert");
  EXPECT_EQ((*embedder)->info().max_tokens, 512U);
  const json reference =
      json::parse(*read_text_file("test/data/models/minilm_l6_f32.json", 1U << 20U));
  std::vector<std::string> texts;
  for (const json& entry : reference.at("cases")) texts.push_back(entry.at("text"));
  const auto made = (*embedder)->embed(texts);
  ASSERT_TRUE(made) << made.error().to_string();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const json& expected = reference.at("cases").at(i);
    EXPECT_EQ(made->tokens.at(i), expected.at("input_ids").size());
    EXPECT_GT(dot(made->vectors.at(i), expected.at("embedding")), 0.9999) << texts[i];
  }
  std::string words;
  for (int i = 0; i < 900; ++i) words += "word ";
  const auto cut = (*embedder)->embed(std::vector<std::string>{words, ""});
  ASSERT_TRUE(cut) << cut.error().to_string();
  EXPECT_EQ(cut->tokens.at(0), 512U);
  EXPECT_EQ(cut->cut.size(), 1U);
  EXPECT_EQ(cut->tokens.at(1), 2U) << "of an empty text, what is around it";
  const auto text = engine_.open(file_, {});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::unsupported);
  EXPECT_THAT(text.error().message, HasSubstr("encoder"));
}

GgufHeader header(std::uint64_t pooling) {
  GgufHeader header;
  header.texts["general.architecture"] = "bert";
  header.numbers["bert.pooling_type"] = pooling;
  return header;
}

TEST(LlamaPooling, is_what_the_file_says_and_the_mean_where_it_says_nothing) {
  EXPECT_EQ(*llama_pooling_of(GgufHeader()), LlamaPooling::mean);
  EXPECT_EQ(*llama_pooling_of(header(0)), LlamaPooling::mean);
  EXPECT_EQ(*llama_pooling_of(header(1)), LlamaPooling::mean);
  EXPECT_EQ(*llama_pooling_of(header(2)), LlamaPooling::cls);
  EXPECT_EQ(*llama_pooling_of(header(3)), LlamaPooling::last);
  EXPECT_EQ(llama_pooling_of(header(4)).error().code, Errc::unsupported);
  EXPECT_EQ(llama_pooling_of(header(1ULL << 40U)).error().code, Errc::unsupported);
}

TEST(GgufForVectors, is_an_encoder_or_says_how_it_pools) {
  EXPECT_FALSE(is_made_for_vectors(GgufHeader()));
  EXPECT_FALSE(is_made_for_vectors(header(0)));
  EXPECT_TRUE(is_made_for_vectors(header(3)));
  GgufHeader encoder = header(0);
  encoder.numbers["bert.attention.causal"] = 0;
  EXPECT_TRUE(is_made_for_vectors(encoder));
}

TEST(EmbedderBytes, are_counted_by_tokens_and_of_a_decoder_by_its_vocabulary) {
  GgufHeader model = header(1);
  model.numbers["bert.context_length"] = 100;
  model.numbers["bert.embedding_length"] = 10;
  model.numbers["bert.feed_forward_length"] = 20;
  model.tensors.push_back({"token_embd.weight", "F32", {1000, 10}, 0, 0});
  EXPECT_GE(embedder_bytes(model, {.max_tokens = 4096}), 100U * 4 * (2 * 1000 + 80 + 60 + 2 * 100));
  EXPECT_LT(embedder_bytes(model, {.max_tokens = 50}), embedder_bytes(model, {.max_tokens = 100}));
  model.numbers["bert.attention.causal"] = 0;
  EXPECT_EQ(embedder_bytes(model, {.max_tokens = 4096}), 100U * 4 * (80 + 60 + 2 * 100));
}

TEST(Turns, come_in_the_order_of_asking) {
  llama::Turns turns(8);
  std::vector<int> order;  // Written by whose turn it is.
  std::vector<std::jthread> callers;
  {
    const llama::Turns::Turn first(turns, {});
    for (int i = 0; i < 3; ++i) {
      callers.emplace_back([&turns, &order, i] {
        if (const llama::Turns::Turn turn(turns, {}); turn) order.push_back(i);
      });
      while (turns.waiting() < static_cast<std::size_t>(i) + 1) std::this_thread::yield();
    }
    EXPECT_TRUE(order.empty());
  }
  callers.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(Turns, end_for_who_stops_waiting_and_are_refused_beyond_the_limit) {
  llama::Turns turns(1);
  {
    const llama::Turns::Caller one(turns);
    EXPECT_TRUE(one);
    EXPECT_FALSE(llama::Turns::Caller(turns));
  }
  EXPECT_TRUE(llama::Turns::Caller(turns));
  const llama::Turns::Turn first(turns, {});
  EXPECT_TRUE(first);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(llama::Turns::Turn(turns, stop.get_token()));
  EXPECT_EQ(turns.waiting(), 0U);
}

}  // namespace
}  // namespace accel::inference
