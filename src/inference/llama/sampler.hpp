// SPDX-License-Identifier: Apache-2.0
#pragma once
// How one text's tokens are chosen: llama.cpp's samplers in a chain, in the order of llama-server:
// grammar, bias, penalties, then greedy, or top-k, top-p, min-p, temperature and chance.

#include <memory>
#include <span>

#include "llama/library.hpp"

namespace accel::inference::llama {

using SamplerHandle = std::unique_ptr<llama_sampler, void (*)(llama_sampler*)>;

// Prompt and answer fit the context: penalties keep windows as long as both.
// Errors: invalid_argument (a grammar that can't be read, a bias of a token that there is not).
Result<SamplerHandle> make_sampler(const Api& api, const llama_vocab* vocab,
                                   const GenerationRequest& request);

// The next token, which the chain counts as written.
// Errors: unsupported (no token of the vocabulary goes on within the grammar), internal.
Result<TokenId> next_token(const Api& api, llama_sampler* chain, std::span<const float> logits);

}  // namespace accel::inference::llama
