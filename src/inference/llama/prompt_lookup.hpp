// SPDX-License-Identifier: Apache-2.0
#pragma once
// Drafts without a model: what followed the last time that a text had its last tokens. Good where
// an answer repeats its prompt (summaries, code that is edited, forms). Pure. Used by Generator.

#include <span>
#include <vector>

#include "accel/inference/llama.hpp"

namespace accel::inference::llama {

constexpr std::size_t kLongestLookup = 4;  // Tokens that must be alike, tried first.
constexpr std::size_t kShortestLookup = 2;

// At most `most` tokens that may follow; empty when the last tokens are nowhere before. The longest
// likeness counts, of equal ones the latest.
std::vector<TokenId> look_up(std::span<const TokenId> tokens, std::size_t most);

}  // namespace accel::inference::llama
