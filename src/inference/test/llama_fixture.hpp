// SPDX-License-Identifier: Apache-2.0
#pragma once
// SmolLM2-135M Q4_1 as tools/deps installs it, for tests of llama.cpp's engine.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "accel/inference/llama.hpp"

namespace accel::inference {

inline std::filesystem::path weights() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path base =
      cache != nullptr && *cache != '\0'
          ? std::filesystem::path(cache)
          : std::filesystem::path(home == nullptr ? "/" : home) / ".cache";
  return base / "ipfs-accelerate/deps/models/smollm2-135m-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf";
}

class Llama : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(weights()))
      GTEST_SKIP() << weights() << " is not installed; run `tools/deps install model test`.";
    const Status loaded = engine_.load();
    ASSERT_TRUE(loaded) << loaded.error().to_string();
  }
  void open(LlamaModelOptions options = {.context = 2048, .parallel = 3, .max_waiting = 2}) {
    auto opened = engine_.open(weights(), options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    model_ = std::move(*opened);
  }
  GenerationRequest request(std::string_view prompt, std::size_t max_tokens) {
    return {*model_->tokenize(prompt, true), max_tokens, {}, {}};
  }

  LlamaEngine engine_;
  std::unique_ptr<LlamaModel> model_;
};

// Equal as far as rounding lets them be: a prompt in one batch and its last token alone run through
// other kernels, and so does a context whose places are others. Where two greedy texts part, the
// two tokens must have been equally good within that.
inline void expect_same(const GenerationReport& a, const GenerationReport& b) {
  constexpr double kRounding = 0.15;
  for (std::size_t i = 0; i < std::min(a.tokens.size(), b.tokens.size()); ++i) {
    const TokenLogprob &one = a.logprobs.at(i), &other = b.logprobs.at(i);
    if (a.tokens[i] != b.tokens[i]) {
      EXPECT_LT(one.top.at(0).logprob - one.top.at(1).logprob, 2 * kRounding) << i << a.text;
      EXPECT_LT(other.top.at(0).logprob - other.top.at(1).logprob, 2 * kRounding) << i << b.text;
      return;
    }
    EXPECT_NEAR(one.chosen.logprob, other.chosen.logprob, kRounding) << "token " << i;
  }
}

}  // namespace accel::inference
