// SPDX-License-Identifier: Apache-2.0
#pragma once
// A llama_context as this program makes them, and one decode in it. Used by Generator,
// DraftModel and LlamaEmbedder.

#include <atomic>
#include <memory>

#include "llama/library.hpp"

namespace accel::inference::llama {

using ContextHandle = std::unique_ptr<llama_context, void (*)(llama_context*)>;
using ThreadpoolHandle = std::unique_ptr<ggml_threadpool, void (*)(ggml_threadpool*)>;

constexpr std::size_t kBatch = 512;  // Tokens of one step: prefill gains little from more.

// One pool of places for all slots. `abort`, which outlives it, cuts a decode off when it is true.
// Errors: resource_exhausted (no memory), unsupported (an encoder, which keeps no context).
Result<ContextHandle> make_context(const Api& api, llama_model* model,
                                   const LlamaModelOptions& options, std::atomic<bool>& abort);
// Null where this build of ggml has none.
ThreadpoolHandle make_threadpool(const Library& library, int threads, bool spinning);
// For llama_context_params: a decode ends when the std::atomic<bool> that it points to is true.
bool is_set(void* flag);

// Errors: cancelled (aborted), internal.
Status decode(const Api& api, llama_context* context, llama_batch batch);

}  // namespace accel::inference::llama
