// SPDX-License-Identifier: Apache-2.0
#pragma once
// Language models in GGUF files, run by llama.cpp: tokens, chat templates, generation. Used by
// models (text generation) and node. The library is loaded at run time and never unloaded.
//
// Threads: all methods may be called from many threads. A model owns one worker that decodes up to
// `parallel` texts together (continuous batching); generate() blocks its caller, whose thread gets
// the text, so a slow reader holds up nobody else. A LlamaModel outlives its LlamaEngine.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/core/result.hpp"
#include "accel/inference/backend.hpp"
#include "accel/inference/chat.hpp"
#include "accel/inference/generation.hpp"
#include "accel/inference/gguf_reader.hpp"

namespace accel::inference {

struct LlamaOptions {
  std::filesystem::path
      library;  // libllama-common.so; empty: searched. Its siblings lie beside it.
};

// How keys and values of the context are kept: 16 bits a number, or blocks of 32 with a 16-bit
// scale each (8.5 and 4.5 bits a number).
enum class KvType { f16, q8_0, q4_0 };
// Errors: invalid_argument (names the three).
Result<KvType> kv_type_of(std::string_view name);
std::string_view kv_type_name(KvType type);

struct LlamaModelOptions {
  std::size_t context = 8192;    // Tokens of all texts together, prompts and answers.
  std::size_t parallel = 4;      // Texts that are decoded at the same time, 1 to kMaxParallelTexts.
  std::size_t max_waiting = 64;  // Requests that wait for their turn; more are refused.
  int threads = 1;
  // Workers wait busily between two graphs: quicker on idle cores, harmful on shared ones.
  bool spinning = false;
  KvType kv_type = KvType::f16;
  bool prefix_cache = true;        // Ended texts stay, for prompts that begin alike.
  std::string chat_template = {};  // Jinja, in place of the file's own; empty: its own.
  RenderBounds template_bounds = {};
  // A smaller model of the same vocabulary that guesses ahead for requests that ask for it; empty:
  // none. It has a context of the same size.
  std::filesystem::path draft_file = {};
};
constexpr std::size_t kMaxParallelTexts = 64;
// Ended texts that others' work has put out of the context take at most one part in so many of its
// size besides (prefix_cache).
constexpr std::uint64_t kParkedShare = 4;

// What the context of a model will take, by its file's header, before it is opened: an upper bound,
// as LlamaModelInfo::kv_bytes.
std::uint64_t kv_cache_bytes(const GgufHeader& header, const LlamaModelOptions& options);

struct LlamaModelInfo {
  std::string engine;        // "llama.cpp"
  std::string version;       // Of the library.
  std::string device;        // "cpu"
  std::string cpu_variant;   // What ggml picked for this CPU, as it names it.
  std::string architecture;  // "llama"
  std::string description;   // llama.cpp's own: "llama 135M Q4_1".
  std::uint64_t parameters = 0;
  std::uint64_t weight_bytes = 0;
  std::size_t trained_context = 0;
  std::size_t context = 0;  // As opened: at most this many tokens in one text.
  std::string kv_type;
  // Of the context's keys and values, scales included: computed from the model's dimensions, an
  // upper bound where some layers keep a window only.
  std::uint64_t kv_bytes = 0;
  std::size_t vocabulary = 0;
  std::size_t parallel = 0;
  int threads = 0;
  bool has_chat_template = false;
  bool can_draft = false;              // Its context can take guesses back.
  bool has_draft = false;              // A draft model is there.
  std::string draft_description = {};  // Of the draft model, as `description`.
};

class LlamaModel {
 public:
  ~LlamaModel();  // Ends what runs; generate() must have returned everywhere.
  const LlamaModelInfo& info() const;

  // `special`: text such as "<|im_end|>" becomes the token that it names. Tokens that the model
  // wants at the start are added. Errors: invalid_argument (too long to count).
  Result<std::vector<TokenId>> tokenize(std::string_view text, bool special) const;
  // The same of a prompt, which leaves room for one token at least. Errors: invalid_argument (more
  // tokens than the context holds), resource_exhausted (too many long prompts wait to be read),
  // cancelled.
  Result<std::vector<TokenId>> prompt_tokens(std::string_view text, bool special,
                                             std::stop_token stop = {}) const;
  // Tokens of text within a prompt: nothing is added around them. Errors: as tokenize().
  Result<std::vector<TokenId>> tokens_of(std::string_view text) const;
  // The text of tokens, those that control the model left out.
  std::string text_of(std::span<const TokenId> tokens) const;
  // The bytes of one token, which may be a part of a character; of one that controls, its name.
  std::string bytes_of(TokenId token) const;
  // The model's own template, rendered within RenderBounds, up to where the assistant answers.
  // Errors: unsupported (the model has none, or one that can't be read), invalid_argument (it
  // refuses these messages, in its words; it exceeds a bound), cancelled, timeout, unavailable.
  Result<std::string> chat_prompt(std::span<const ChatMessage> messages,
                                  std::stop_token stop = {}) const;

  // The same with tools: in the words of the model's own template where it knows tools, else told
  // in the system message and called in tags. Errors: as chat_prompt(); invalid_argument (a tool
  // whose schema can't be enforced, by its name).
  Result<ChatPlan> chat_plan(const ChatRequest& request, std::stop_token stop = {}) const;

  // The grammar of a JSON Schema, as llama.cpp reads one. Errors: invalid_argument (no JSON, or a
  // schema that it can't turn into a grammar), unsupported (the model has no chat template), and as
  // chat_prompt().
  Result<std::string> json_grammar(const std::string& schema, std::stop_token stop = {}) const;

  // Errors: invalid_argument (prompt and answer do not fit the context; an unknown token; a grammar
  // that can't be read; a draft model that there is not), resource_exhausted (too many wait
  // already), unsupported (a grammar that no token of the model goes on within; drafts for a model
  // whose state can't be taken back), cancelled, internal. `use` is set whatever comes of it.
  Result<GenerationReport> generate(const GenerationRequest& request, const TextSink& on_text,
                                    std::stop_token stop, TokenUse* use = nullptr);
  // What generate() would refuse now. Errors: as generate().
  Status admits(std::size_t prompt_tokens, std::size_t max_tokens) const;

  // Logits after the prompt's last token, float32[vocabulary], for comparing engines: nothing is
  // reused. Errors: as generate().
  Result<std::vector<float>> logits(std::span<const TokenId> prompt, std::stop_token stop = {});

  struct Load {
    std::size_t running = 0;
    std::size_t waiting = 0;
    std::size_t kept_tokens = 0;  // Of ended texts, in the context or beside it.
  };
  Load load() const;

 private:
  friend class LlamaEngine;
  class Impl;
  explicit LlamaModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class LlamaEngine {
 public:
  explicit LlamaEngine(LlamaOptions options = {});
  ~LlamaEngine();

  // Errors: unavailable (no library: names the package to install; or one of another version).
  Status load();
  Result<BackendInfo> probe();
  // Errors: not_found, corrupt (says what is wrong in the file), unsupported (an architecture that
  // the library does not know, a split model, drafts for a state that can't be taken back),
  // invalid_argument (options; a draft model of another vocabulary), resource_exhausted,
  // unavailable (as load).
  Result<std::unique_ptr<LlamaModel>> open(const std::filesystem::path& gguf_file,
                                           const LlamaModelOptions& options);

 private:
  friend class LlamaEmbedder;  // llama_embedder.hpp: opened with the same library.
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::inference
