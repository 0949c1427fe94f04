// SPDX-License-Identifier: Apache-2.0
#pragma once
// How likely the model held a token, of its own logits: log softmax over the whole vocabulary,
// before temperature, penalties, grammar and whatever else sampling does. Pure.

#include <span>

#include "accel/inference/llama.hpp"

namespace accel::inference::llama {

// `top`: how many of the likeliest tokens are named beside. The sums are in double.
TokenLogprob logprob_of(std::span<const float> logits, TokenId token, std::size_t top);

}  // namespace accel::inference::llama
