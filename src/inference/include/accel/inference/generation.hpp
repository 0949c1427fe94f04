// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is asked of a text that a language model writes, and what is told of it: samplers, drafts,
// pieces, likelihoods, costs. Used by llama.hpp, models and node.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/core/priority.hpp"
#include "accel/inference/chat.hpp"

namespace accel::inference {

using TokenId = std::int32_t;

struct SamplingOptions {
  double temperature = 0;  // 0: greedy, the others count for nothing.
  int top_k = 0;           // 0: all.
  double top_p = 1;
  std::uint32_t seed = 0;
  std::string grammar = {};  // GBNF: only what it derives from "root" can be written; empty: all.
  std::vector<std::string> grammar_triggers = {};  // As ChatPlan::triggers.
  std::vector<TokenId> grammar_begun = {};         // Derived already, at the prompt's end.
  double min_p = 0;  // Tokens less likely than so much of the likeliest are left out.
  // Divides the logits of the last `repeat_last_n` tokens, the prompt's too; 1: nothing.
  double repeat_penalty = 1;
  int repeat_last_n = 64;
  // Subtracted from the logits of tokens that the answer has: once, and for each time.
  double presence_penalty = 0;
  double frequency_penalty = 0;
  std::vector<std::pair<TokenId, double>> logit_bias = {};  // Added to the logits.
};

// Who guesses the next tokens, which the model then reads together and keeps as far as it would
// have written them itself: the text is the same but for rounding.
enum class Draft {
  none,
  lookup,  // The text so far: what followed when it had the same words before.
  model,   // The draft model.
};
constexpr std::size_t kMostDrafts = 64;  // Tokens at a time.
// More texts than these at a time fill the batch by themselves, and nobody guesses.
constexpr std::size_t kMostDraftingTexts = 2;

struct GenerationRequest {
  std::vector<TokenId> prompt;  // Not empty.
  std::size_t max_tokens = 1;
  SamplingOptions sampling;
  std::vector<std::string> stop;    // The text ends before the first of these.
  std::vector<TokenId> shown = {};  // Tokens that control the model and are text here all the same.
  std::shared_ptr<const AnswerFormat> format = {};  // Of the text, for who reads it; null: text.
  bool reuse_prefix = true;  // May go on from what others left, and leave something.
  Draft draft = Draft::none;
  std::size_t draft_max = 8;  // Tokens that are guessed at a time, at most kMostDrafts.
  std::string scope = {};     // Whose text it is: it goes on only from texts of the same scope.
  Priority priority = Priority::normal;      // Of its wait for a slot.
  std::optional<std::size_t> logprobs = {};  // Of each token, and of so many likeliest; at most
                                             // kMaxTopLogprobs.
};
constexpr std::size_t kMaxTopLogprobs = 20;  // OpenAI's.

struct TokenLikelihood {
  TokenId token = 0;
  double logprob = 0;  // Natural logarithm, of the model's own distribution.
};
struct TokenLogprob {
  TokenLikelihood chosen;
  std::vector<TokenLikelihood> top;  // The likeliest first.
};

enum class FinishReason { stop, length };  // The model or a stop word ended it; max_tokens did.

struct GenerationReport {
  std::string text;
  std::vector<TokenId> tokens;  // As generated, the one that ends the text not among them.
  FinishReason finish = FinishReason::stop;
  std::vector<TokenLogprob> logprobs;  // Of `tokens`, when asked for.
  std::size_t prompt_tokens = 0;
  std::size_t cached_tokens = 0;  // Of the prompt: found in the context, not computed.
  std::size_t drafted = 0;        // Tokens that were guessed and read.
  std::size_t accepted = 0;       // Of them: right.
  double wait_ms = 0;             // Until it had a slot.
  double prefill_ms = 0;          // From the slot to the first token.
  double decode_ms = 0;           // From the first token to the last.
};

// What a text has cost, also one that failed or was broken off.
struct TokenUse {
  std::size_t prompt = 0;  // Tokens of the prompt that were found in the context or begun to read.
  std::size_t answer = 0;  // Tokens that were written.
};

// Whole UTF-8 characters, and the likelihoods of the tokens up to them that were not told yet.
struct TextPiece {
  std::string_view text;
  std::span<const TokenLogprob> logprobs;
  operator std::string_view() const { return text; }  // For who wants no more than the text.
};
// Called on the thread of generate(), in order.
using TextSink = std::function<void(const TextPiece&)>;

}  // namespace accel::inference
