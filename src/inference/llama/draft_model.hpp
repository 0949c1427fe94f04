// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small model that guesses what a larger one of the same vocabulary will write, in a context of
// its own with the same slots. Used by Generator, on its worker alone; whatever fails here gives no
// guess, and the text goes on without.

#include <atomic>
#include <map>

#include "llama/context.hpp"

namespace accel::inference::llama {

// A guess that the draft model itself holds less likely than this is not worth a place in a batch.
constexpr double kLeastConfidence = 0.4;

// Whether the tokens of `draft` are those of `target`: the same kind of vocabulary and the same
// text of every token; their sizes may differ by what models are padded with.
// Errors: invalid_argument (says where they part).
Status check_same_vocabulary(const Api& api, const llama_vocab* target, const llama_vocab* draft);

class DraftModel {
 public:
  // `model`, `abort` and `pool` (null: none) outlive it. Errors: resource_exhausted.
  static Result<std::unique_ptr<DraftModel>> open(std::shared_ptr<const Library> library,
                                                  llama_model* model,
                                                  const LlamaModelOptions& options,
                                                  std::atomic<bool>& abort, ggml_threadpool* pool);

  // What may follow the text of a slot, at most `most` tokens, each below `vocabulary`.
  std::vector<TokenId> draft(std::size_t slot, std::span<const TokenId> tokens, std::size_t most,
                             TokenId vocabulary);
  // The slot holds no more than so much of its text's beginning.
  void trim(std::size_t slot, std::size_t keep);

 private:
  DraftModel(std::shared_ptr<const Library> library, llama_model* model, ContextHandle context,
             std::size_t most);
  bool read(std::size_t slot, std::span<const TokenId> tokens);
  std::optional<TokenId> likeliest() const;

  std::shared_ptr<const Library> library_;  // Owners: engine, models, generators; immutable.
  const llama_vocab* vocab_;
  ContextHandle context_;
  std::size_t most_;                                  // Tokens of one text.
  std::map<std::size_t, std::vector<TokenId>> held_;  // By slot: what is in the context.
};

}  // namespace accel::inference::llama
