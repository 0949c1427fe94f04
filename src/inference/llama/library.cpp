// SPDX-License-Identifier: Apache-2.0
#include "llama/library.hpp"

#include <algorithm>
#include <utility>

#include "accel/core/log.hpp"
#include "llama/text_stream.hpp"

namespace accel::inference::llama {
namespace {

// The structs of the C API change from release to release: the headers fit this one alone.
constexpr std::string_view kVersion = "0.5.0-dev";

std::string_view without_end(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

thread_local std::string last_words;

// llama.cpp talks a lot, to stderr by default; what matters comes back as a status.
void forward_log(ggml_log_level level, const char* text, void*) {
  const bool matters = level == GGML_LOG_LEVEL_ERROR;
  const log::Level as = matters ? log::Level::info : log::Level::debug;
  const std::string_view words = without_end(text == nullptr ? "" : text);
  if (matters && !words.empty()) last_words = words;
  if (words.empty() || !log::enabled(as)) return;
  log::write(as, "inference", words, {log::field("engine", "llama.cpp")});
}

// "CPU : AVX2 = 1 | AVX512 = 1 | …" as one word of what is on.
std::string features_of(std::string_view info) {
  std::string features;
  for (std::size_t at = info.find(':'); at != std::string_view::npos && at < info.size();) {
    const std::size_t end = std::min(info.find('|', at + 1), info.size());
    std::string_view part = info.substr(at + 1, end - at - 1);
    const std::size_t equals = part.find(" = 1");
    if (equals != std::string_view::npos) {
      part = part.substr(0, equals);
      part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
      features += (features.empty() ? "" : " ") + std::string(part);
    }
    at = end == info.size() ? std::string_view::npos : end;
  }
  return features;
}

}  // namespace

Status Api::bind(const SharedLibrary& library) {
  ACCEL_CHECK(library.bind(version, "llama_version"));
  ACCEL_CHECK(library.bind(log_set, "llama_log_set"));
  ACCEL_CHECK(library.bind(backend_init, "llama_backend_init"));
  ACCEL_CHECK(library.bind(system_info, "llama_print_system_info"));
  ACCEL_CHECK(library.bind(load_backends, "ggml_backend_load_all_from_path"));
  ACCEL_CHECK(library.bind(registry, "ggml_backend_reg_by_name"));
  ACCEL_CHECK(library.bind(proc_address, "ggml_backend_reg_get_proc_address"));
  ACCEL_CHECK(library.bind(threadpool_params, "ggml_threadpool_params_default"));
  ACCEL_CHECK(library.bind(model_params, "llama_model_default_params"));
  ACCEL_CHECK(library.bind(model_load, "llama_model_load_from_file"));
  ACCEL_CHECK(library.bind(model_free, "llama_model_free"));
  ACCEL_CHECK(library.bind(vocab, "llama_model_get_vocab"));
  ACCEL_CHECK(library.bind(model_desc, "llama_model_desc"));
  ACCEL_CHECK(library.bind(model_size, "llama_model_size"));
  ACCEL_CHECK(library.bind(model_parameters, "llama_model_n_params"));
  ACCEL_CHECK(library.bind(model_context, "llama_model_n_ctx_train"));
  ACCEL_CHECK(library.bind(layers, "llama_model_n_layer"));
  ACCEL_CHECK(library.bind(width, "llama_model_n_embd"));
  ACCEL_CHECK(library.bind(output_width, "llama_model_n_embd_out"));
  ACCEL_CHECK(library.bind(heads, "llama_model_n_head"));
  ACCEL_CHECK(library.bind(kv_heads, "llama_model_n_head_kv"));
  ACCEL_CHECK(library.bind(meta_value, "llama_model_meta_val_str"));
  ACCEL_CHECK(library.bind(has_encoder, "llama_model_has_encoder"));
  ACCEL_CHECK(library.bind(is_recurrent, "llama_model_is_recurrent"));
  ACCEL_CHECK(library.bind(is_hybrid, "llama_model_is_hybrid"));
  ACCEL_CHECK(library.bind(chat_template, "llama_model_chat_template"));
  ACCEL_CHECK(library.bind(context_params, "llama_context_default_params"));
  ACCEL_CHECK(library.bind(context_new, "llama_init_from_model"));
  ACCEL_CHECK(library.bind(context_free, "llama_free"));
  ACCEL_CHECK(library.bind(context_size, "llama_n_ctx"));
  ACCEL_CHECK(library.bind(attach_threadpool, "llama_attach_threadpool"));
  ACCEL_CHECK(library.bind(memory, "llama_get_memory"));
  ACCEL_CHECK(library.bind(memory_clear, "llama_memory_clear"));
  ACCEL_CHECK(library.bind(memory_remove, "llama_memory_seq_rm"));
  ACCEL_CHECK(library.bind(memory_copy, "llama_memory_seq_cp"));
  ACCEL_CHECK(library.bind(memory_first, "llama_memory_seq_pos_min"));
  ACCEL_CHECK(library.bind(memory_last, "llama_memory_seq_pos_max"));
  ACCEL_CHECK(library.bind(text_state_size, "llama_state_seq_get_size"));
  ACCEL_CHECK(library.bind(text_state, "llama_state_seq_get_data"));
  ACCEL_CHECK(library.bind(set_text_state, "llama_state_seq_set_data"));
  ACCEL_CHECK(library.bind(decode, "llama_decode"));
  ACCEL_CHECK(library.bind(logits, "llama_get_logits_ith"));
  ACCEL_CHECK(library.bind(text_vector, "llama_get_embeddings_seq"));
  ACCEL_CHECK(library.bind(vocab_size, "llama_vocab_n_tokens"));
  ACCEL_CHECK(library.bind(vocab_type, "llama_vocab_type"));
  ACCEL_CHECK(library.bind(token_text, "llama_vocab_get_text"));
  ACCEL_CHECK(library.bind(is_end, "llama_vocab_is_eog"));
  ACCEL_CHECK(library.bind(bos, "llama_vocab_bos"));
  ACCEL_CHECK(library.bind(eos, "llama_vocab_eos"));
  ACCEL_CHECK(library.bind(adds_bos, "llama_vocab_get_add_bos"));
  ACCEL_CHECK(library.bind(adds_eos, "llama_vocab_get_add_eos"));
  ACCEL_CHECK(library.bind(adds_separator, "llama_vocab_get_add_sep"));
  ACCEL_CHECK(library.bind(tokenize, "llama_tokenize"));
  ACCEL_CHECK(library.bind(piece, "llama_token_to_piece"));
  return bind_samplers(library);
}

Status Api::bind_samplers(const SharedLibrary& library) {
  ACCEL_CHECK(library.bind(chain_params, "llama_sampler_chain_default_params"));
  ACCEL_CHECK(library.bind(chain_new, "llama_sampler_chain_init"));
  ACCEL_CHECK(library.bind(chain_add, "llama_sampler_chain_add"));
  ACCEL_CHECK(library.bind(sampler_free, "llama_sampler_free"));
  ACCEL_CHECK(library.bind(apply, "llama_sampler_apply"));
  ACCEL_CHECK(library.bind(grammar, "llama_sampler_init_grammar"));
  ACCEL_CHECK(library.bind(lazy_grammar, "llama_sampler_init_grammar_lazy_patterns"));
  ACCEL_CHECK(library.bind(accept, "llama_sampler_accept"));
  ACCEL_CHECK(library.bind(greedy, "llama_sampler_init_greedy"));
  ACCEL_CHECK(library.bind(top_k, "llama_sampler_init_top_k"));
  ACCEL_CHECK(library.bind(top_p, "llama_sampler_init_top_p"));
  ACCEL_CHECK(library.bind(min_p, "llama_sampler_init_min_p"));
  ACCEL_CHECK(library.bind(penalties, "llama_sampler_init_penalties"));
  ACCEL_CHECK(library.bind(logit_bias, "llama_sampler_init_logit_bias"));
  ACCEL_CHECK(library.bind(temperature, "llama_sampler_init_temp"));
  return library.bind(dist, "llama_sampler_init_dist");
}

Result<std::shared_ptr<const Library>> Library::load(const LibraryQuery& query) {
  Result<SharedLibrary> opened = open_library(query);
  if (!opened) {
    Error error = std::move(opened).error();
    error.message =
        "llama.cpp is not installed or does not load. Install it with `tools/deps install` or the "
        "npm package @node-llama-cpp/linux-x64. " +
        error.message;
    return fail(std::move(error));
  }
  opened->keep_loaded();  // It starts threads and registers exit handlers.
  std::shared_ptr<Library> library(
      new Library(std::move(*opened)));  // tidy: raw-new: private constructor
  ACCEL_CHECK(library->start());
  return std::shared_ptr<const Library>(std::move(library));
}

Status Library::start() {
  path_ = library_.path();
  Status bound = library_.bind(api_.version, "llama_version");
  if (bound) version_ = api_.version();
  if (!bound || version_ != kVersion) {
    return fail(Errc::unavailable, "{} is llama.cpp {}; this program was built for {}.",
                path_.string(), bound ? version_ : "of an older kind", kVersion);
  }
  ACCEL_CHECK(api_.bind(library_));
  api_.log_set(&forward_log, nullptr);
  api_.load_backends(path_.parent_path().c_str());
  api_.backend_init();
  ggml_backend_reg_t const cpu = api_.registry("CPU");
  if (cpu == nullptr) {
    return fail(Errc::unavailable, "llama.cpp has no library for this CPU beside {}.",
                path_.string());
  }
  const auto find = [&](const char* name) { return api_.proc_address(cpu, name); };
  threadpools_.make = reinterpret_cast<decltype(threadpools_.make)>(find("ggml_threadpool_new"));
  threadpools_.free = reinterpret_cast<decltype(threadpools_.free)>(find("ggml_threadpool_free"));
  cpu_variant_ = features_of(api_.system_info());
  return {};
}

std::string piece_of(const Api& api, const llama_vocab* vocab, llama_token token, bool shown) {
  return written_text(
      [&](char* into, std::int32_t room) { return api.piece(vocab, token, into, room, 0, shown); });
}

std::string special_text(const Api& api, const llama_vocab* vocab, llama_token token) {
  return token == LLAMA_TOKEN_NULL ? std::string() : piece_of(api, vocab, token, /*shown=*/true);
}

std::string take_last_words() { return std::exchange(last_words, {}); }

LibraryQuery library_query(const LlamaOptions& options) {
  return {"libllama-common.so", "llama", options.library};
}

}  // namespace accel::inference::llama
