// SPDX-License-Identifier: Apache-2.0
#include "llama/context.hpp"

#include <algorithm>

namespace accel::inference::llama {
namespace {

constexpr int kAborted = 2;                // What llama_decode() returns then.
constexpr std::uint32_t kPollBusily = 50;  // ggml's own default; 0 sleeps at once.

}  // namespace

bool is_set(void* flag) { return static_cast<std::atomic<bool>*>(flag)->load(); }

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
  params.abort_callback = &is_set;
  params.abort_callback_data = &abort;
  ContextHandle context(api.context_new(model, params), api.context_free);
  if (!context) {
    return fail(Errc::resource_exhausted,
                "There is no memory for a context of {} tokens; choose a smaller one.",
                options.context);
  }
  if (api.memory(context.get()) == nullptr) {
    return fail(Errc::unsupported,
                "The model is an encoder: it makes vectors of texts and writes none.");
  }
  return context;
}

ThreadpoolHandle make_threadpool(const Library& library, int threads, bool spinning) {
  const Threadpools& pools = library.threadpools();
  if (!pools.make || !pools.free) return {nullptr, nullptr};
  ggml_threadpool_params params = library.api().threadpool_params(threads);
  params.poll = spinning ? kPollBusily : 0;
  return {pools.make(&params), pools.free};
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
