// SPDX-License-Identifier: Apache-2.0
#include "llama/context.hpp"

#include <algorithm>

namespace accel::inference::llama {
namespace {

constexpr int kAborted = 2;                // What llama_decode() returns then.
constexpr std::uint32_t kPollBusily = 50;  // ggml's own default; 0 sleeps at once.

bool is_aborted(void* abort) { return static_cast<std::atomic<bool>*>(abort)->load(); }

}  // namespace

Result<ContextHandle> make_context(const Api& api, llama_model* model,
                                   const LlamaModelOptions& options, std::atomic<bool>& abort) {
  llama_context_params params = api.context_params();
  params.n_ctx = static_cast<std::uint32_t>(options.context);
  params.n_batch = static_cast<std::uint32_t>(std::max(kBatch, options.parallel));
  params.n_ubatch = params.n_batch;
  params.n_seq_max = static_cast<std::uint32_t>(options.parallel);
  if (options.kv_type != KvType::f16) {
    const bool eight = options.kv_type == KvType::q8_0;
    params.type_k = params.type_v = eight ? GGML_TYPE_Q8_0 : GGML_TYPE_Q4_0;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;  // Needed for quantized values.
  }
  params.kv_unified = true;  // One pool of places: the planner shares them out.
  params.n_threads = params.n_threads_batch = options.threads;
  params.abort_callback = &is_aborted;
  params.abort_callback_data = &abort;
  ContextHandle context(api.context_new(model, params), api.context_free);
  if (context) return context;
  return fail(Errc::resource_exhausted,
              "There is no memory for a context of {} tokens; choose a smaller one.",
              options.context);
}

ThreadpoolHandle make_threadpool(const Library& library, const LlamaModelOptions& options) {
  const Threadpools& pools = library.threadpools();
  if (!pools.make || !pools.free) return {nullptr, nullptr};
  ggml_threadpool_params threads = library.api().threadpool_params(options.threads);
  threads.poll = options.spinning ? kPollBusily : 0;
  return {pools.make(&threads), pools.free};
}

Status decode(const Api& api, llama_context* context, llama_batch batch) {
  try {
    const int status = api.decode(context, batch);
    if (status == 0) return {};
    if (status == kAborted) return fail(Errc::cancelled, "The text was cancelled.");
    return fail(Error{Errc::internal, "llama.cpp could not decode a batch.",
                      fmt::format("llama_decode returned {}", status)});
  } catch (const std::exception& thrown) {
    return fail(Error{Errc::internal, "llama.cpp could not decode a batch.", thrown.what()});
  }
}

}  // namespace accel::inference::llama
