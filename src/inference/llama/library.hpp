// SPDX-License-Identifier: Apache-2.0
#pragma once
// llama.cpp's C API, loaded once a process and kept: its functions, bound by name. Used by the
// files of llama/ only. Threads: immutable after load(). Owners: the engine and its models.

#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <llama.h>

#include <filesystem>
#include <memory>
#include <string>

#include "accel/core/library.hpp"
#include "accel/inference/llama.hpp"

namespace accel::inference::llama {

struct Api {
  decltype(&llama_version) version = nullptr;
  decltype(&llama_log_set) log_set = nullptr;
  decltype(&llama_backend_init) backend_init = nullptr;
  decltype(&llama_print_system_info) system_info = nullptr;
  decltype(&ggml_backend_load_all_from_path) load_backends = nullptr;
  decltype(&ggml_backend_reg_by_name) registry = nullptr;
  decltype(&ggml_backend_reg_get_proc_address) proc_address = nullptr;
  decltype(&ggml_threadpool_params_default) threadpool_params = nullptr;
  decltype(&llama_model_default_params) model_params = nullptr;
  decltype(&llama_model_load_from_file) model_load = nullptr;
  decltype(&llama_model_free) model_free = nullptr;
  decltype(&llama_model_get_vocab) vocab = nullptr;
  decltype(&llama_model_desc) model_desc = nullptr;
  decltype(&llama_model_size) model_size = nullptr;
  decltype(&llama_model_n_params) model_parameters = nullptr;
  decltype(&llama_model_n_ctx_train) model_context = nullptr;
  decltype(&llama_model_n_layer) layers = nullptr;
  decltype(&llama_model_n_embd) width = nullptr;
  decltype(&llama_model_n_embd_out) output_width = nullptr;
  decltype(&llama_model_n_head) heads = nullptr;
  decltype(&llama_model_n_head_kv) kv_heads = nullptr;
  decltype(&llama_model_meta_val_str) meta_value = nullptr;
  decltype(&llama_model_has_encoder) has_encoder = nullptr;
  decltype(&llama_model_is_recurrent) is_recurrent = nullptr;
  decltype(&llama_model_is_hybrid) is_hybrid = nullptr;
  decltype(&llama_model_chat_template) chat_template = nullptr;
  decltype(&llama_context_default_params) context_params = nullptr;
  decltype(&llama_init_from_model) context_new = nullptr;
  decltype(&llama_free) context_free = nullptr;
  decltype(&llama_n_ctx) context_size = nullptr;
  decltype(&llama_attach_threadpool) attach_threadpool = nullptr;
  decltype(&llama_get_memory) memory = nullptr;
  decltype(&llama_memory_clear) memory_clear = nullptr;
  decltype(&llama_memory_seq_rm) memory_remove = nullptr;
  decltype(&llama_memory_seq_cp) memory_copy = nullptr;
  decltype(&llama_memory_seq_pos_min) memory_first = nullptr;
  decltype(&llama_memory_seq_pos_max) memory_last = nullptr;
  decltype(&llama_state_seq_get_size) text_state_size = nullptr;
  decltype(&llama_state_seq_get_data) text_state = nullptr;
  decltype(&llama_state_seq_set_data) set_text_state = nullptr;
  decltype(&llama_decode) decode = nullptr;
  decltype(&llama_get_logits_ith) logits = nullptr;
  decltype(&llama_get_embeddings_seq) text_vector = nullptr;
  decltype(&llama_vocab_n_tokens) vocab_size = nullptr;
  decltype(&llama_vocab_type) vocab_type = nullptr;
  decltype(&llama_vocab_get_text) token_text = nullptr;
  decltype(&llama_vocab_is_eog) is_end = nullptr;
  decltype(&llama_vocab_bos) bos = nullptr;
  decltype(&llama_vocab_eos) eos = nullptr;
  decltype(&llama_vocab_get_add_bos) adds_bos = nullptr;
  decltype(&llama_vocab_get_add_eos) adds_eos = nullptr;
  decltype(&llama_vocab_get_add_sep) adds_separator = nullptr;
  decltype(&llama_tokenize) tokenize = nullptr;
  decltype(&llama_token_to_piece) piece = nullptr;
  decltype(&llama_sampler_chain_default_params) chain_params = nullptr;
  decltype(&llama_sampler_chain_init) chain_new = nullptr;
  decltype(&llama_sampler_chain_add) chain_add = nullptr;
  decltype(&llama_sampler_free) sampler_free = nullptr;
  decltype(&llama_sampler_apply) apply = nullptr;
  decltype(&llama_sampler_init_grammar) grammar = nullptr;
  decltype(&llama_sampler_init_grammar_lazy_patterns) lazy_grammar = nullptr;
  decltype(&llama_sampler_accept) accept = nullptr;
  decltype(&llama_sampler_init_greedy) greedy = nullptr;
  decltype(&llama_sampler_init_top_k) top_k = nullptr;
  decltype(&llama_sampler_init_top_p) top_p = nullptr;
  decltype(&llama_sampler_init_min_p) min_p = nullptr;
  decltype(&llama_sampler_init_penalties) penalties = nullptr;
  decltype(&llama_sampler_init_logit_bias) logit_bias = nullptr;
  decltype(&llama_sampler_init_temp) temperature = nullptr;
  decltype(&llama_sampler_init_dist) dist = nullptr;

  Status bind(const SharedLibrary& library);

 private:
  Status bind_samplers(const SharedLibrary& library);
};

// Of the CPU backend that ggml picked, which is a library of its own.
struct Threadpools {
  decltype(&ggml_threadpool_new) make = nullptr;
  decltype(&ggml_threadpool_free) free = nullptr;
};

class Library {
 public:
  // Errors: unavailable (no library, one of another version, no CPU backend beside it).
  static Result<std::shared_ptr<const Library>> load(const LibraryQuery& query);

  const Api& api() const { return api_; }
  const Threadpools& threadpools() const { return threadpools_; }
  const SharedLibrary& shared() const { return library_; }
  const std::string& version() const { return version_; }
  const std::filesystem::path& path() const { return path_; }
  const std::string& cpu_variant() const { return cpu_variant_; }

 private:
  explicit Library(SharedLibrary library) : library_(std::move(library)) {}
  Status start();

  SharedLibrary library_;
  Api api_;
  Threadpools threadpools_;
  std::string version_;
  std::filesystem::path path_;
  std::string cpu_variant_;
};

// The bytes of a token as text; one that controls the model is none unless it is `shown`. A token
// may be longer than any guess.
std::string piece_of(const Api& api, const llama_vocab* vocab, llama_token token,
                     bool shown = false);
// The text of a token that controls the model; empty where the vocabulary has none.
std::string special_text(const Api& api, const llama_vocab* vocab, llama_token token);

// The last error that llama.cpp logged on this thread since the last call of this.
std::string take_last_words();

LibraryQuery library_query(const LlamaOptions& options);

}  // namespace accel::inference::llama
