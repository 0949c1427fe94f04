// SPDX-License-Identifier: Apache-2.0
#include "llama/draft_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "llama/batch.hpp"
#include "llama/prefix_cache.hpp"

namespace accel::inference::llama {
namespace {

constexpr TokenId kMostPadding = 128;  // Models of one family are padded to different sizes.

bool same_text(const Api& api, const llama_vocab* a, const llama_vocab* b, TokenId token) {
  const char* const left = api.token_text(a, token);
  const char* const right = api.token_text(b, token);
  return left != nullptr && right != nullptr && std::strcmp(left, right) == 0;
}

}  // namespace

Status check_same_vocabulary(const Api& api, const llama_vocab* target, const llama_vocab* draft) {
  const auto type = api.vocab_type(target);
  const TokenId size = api.vocab_size(target), other = api.vocab_size(draft);
  if (type == LLAMA_VOCAB_TYPE_NONE || api.vocab_type(draft) != type ||
      std::abs(size - other) > kMostPadding) {
    return fail(Errc::invalid_argument,
                "The draft model has another vocabulary ({} tokens) than the model ({}); a draft "
                "model must have the same.",
                other, size);
  }
  for (TokenId token = 0; token < std::min(size, other); ++token) {
    if (same_text(api, target, draft, token)) continue;
    return fail(Errc::invalid_argument,
                "The draft model's token {} is another than the model's; a draft model must have "
                "the same vocabulary.",
                token);
  }
  return {};
}

DraftModel::DraftModel(std::shared_ptr<const Library> library, llama_model* model,
                       ContextHandle context, std::size_t most)
    : library_(std::move(library)),
      vocab_(library_->api().vocab(model)),
      context_(std::move(context)),
      most_(most) {}

Result<std::unique_ptr<DraftModel>> DraftModel::open(std::shared_ptr<const Library> library,
                                                     llama_model* model,
                                                     const LlamaModelOptions& options,
                                                     std::atomic<bool>& abort,
                                                     ggml_threadpool* pool) {
  const Api& api = library->api();
  ACCEL_TRY(ContextHandle context, make_context(api, model, options, abort));
  if (pool != nullptr) api.attach_threadpool(context.get(), pool, pool);
  const auto trained = static_cast<std::size_t>(std::max(api.model_context(model), 1));
  return std::unique_ptr<DraftModel>(new DraftModel(  // tidy: raw-new: private constructor
      std::move(library), model, std::move(context), std::min(trained, options.context)));
}

void DraftModel::trim(std::size_t slot, std::size_t keep) {
  const auto found = held_.find(slot);
  if (found == held_.end() || found->second.size() <= keep) return;
  llama_memory_t const memory = library_->api().memory(context_.get());
  const auto id = static_cast<llama_seq_id>(slot);
  const bool cut =
      keep > 0 && library_->api().memory_remove(memory, id, static_cast<llama_pos>(keep), -1);
  found->second.resize(cut ? keep : 0);
  if (!cut) library_->api().memory_remove(memory, id, -1, -1);
}

std::vector<TokenId> DraftModel::draft(std::size_t slot, std::span<const TokenId> tokens,
                                       std::size_t most, TokenId vocabulary) {
  std::vector<TokenId> drafts;
  if (tokens.empty() || tokens.size() + most > most_) return drafts;
  // The last token is always read: what follows it is wanted.
  trim(slot, common_prefix(held_[slot], tokens.first(tokens.size() - 1)));
  bool reads = read(slot, tokens.subspan(held_[slot].size()));
  while (reads && drafts.size() < most) {
    const auto next = likeliest();
    if (!next || *next >= vocabulary) break;
    drafts.push_back(*next);
    reads = drafts.size() == most || read(slot, {&*next, 1});
  }
  return drafts;
}

// False when it can't be: the slot is empty then.
bool DraftModel::read(std::size_t slot, std::span<const TokenId> tokens) {
  std::vector<TokenId>& held = held_[slot];
  while (!tokens.empty()) {
    const auto some = tokens.first(std::min(tokens.size(), kBatch));
    Batch batch;
    for (std::size_t i = 0; i < some.size(); ++i)
      batch.add(some[i], held.size() + i, slot,
                tokens.size() == some.size() && i + 1 == some.size());
    if (!decode(library_->api(), context_.get(), batch.view())) {
      held.push_back(0);  // Part of the batch may be in the context.
      trim(slot, 0);
      return false;
    }
    held.insert(held.end(), some.begin(), some.end());
    tokens = tokens.subspan(some.size());
  }
  return true;
}

// What follows what was read last; none when the text ends there, or nothing is likely.
std::optional<TokenId> DraftModel::likeliest() const {
  const Api& api = library_->api();
  const float* const values = api.logits(context_.get(), -1);
  if (values == nullptr) return std::nullopt;
  const std::span logits(values, static_cast<std::size_t>(api.vocab_size(vocab_)));
  const auto most = std::ranges::max_element(logits);
  const auto token = static_cast<TokenId>(most - logits.begin());
  float sum = 0;  // Of the likelihoods, the largest being 1.
  for (const float logit : logits) sum += std::exp(logit - *most);
  const bool likely = 1 / sum >= static_cast<float>(kLeastConfidence);
  return likely && !api.is_end(vocab_, token) ? std::optional(token) : std::nullopt;
}

}  // namespace accel::inference::llama
