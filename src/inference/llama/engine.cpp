// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <optional>

#include "accel/inference/gguf_reader.hpp"
#include "accel/inference/llama.hpp"
#include "llama/chat_template.hpp"
#include "llama/engine_impl.hpp"
#include "llama/generator.hpp"
#include "llama/library.hpp"
#include "llama/model.hpp"
#include "llama/prompt_reader.hpp"
#include "llama/text_stream.hpp"

namespace accel::inference {

using llama::Api;
using llama::Library;
using llama::ModelHandle;

namespace {

constexpr std::pair<std::string_view, KvType> kKvTypes[] = {
    {"f16", KvType::f16}, {"q8_0", KvType::q8_0}, {"q4_0", KvType::q4_0}};

// Numbers of one key or value of one head: what the file says, else a head's share of the width.
std::uint64_t head_width(const Api& api, const llama_model* model, const std::string& name) {
  std::array<char, 32> text{};
  const std::int32_t length = api.meta_value(model, name.c_str(), text.data(), text.size());
  const std::uint64_t stated = length > 0 ? std::strtoull(text.data(), nullptr, 10) : 0;
  const auto heads = static_cast<std::uint64_t>(std::max(api.heads(model), 1));
  return stated > 0 ? stated : static_cast<std::uint64_t>(std::max(api.width(model), 0)) / heads;
}

// ggml's blocks: 32 numbers and their scale in 34 bytes (q8_0) or 18 (q4_0).
std::uint64_t kv_bytes(const Api& api, const llama_model* model, const std::string& architecture,
                       const LlamaModelOptions& options) {
  const std::uint64_t numbers = head_width(api, model, architecture + ".attention.key_length") +
                                head_width(api, model, architecture + ".attention.value_length");
  const auto of_token = numbers * static_cast<std::uint64_t>(std::max(api.kv_heads(model), 0)) *
                        static_cast<std::uint64_t>(std::max(api.layers(model), 0));
  const std::uint64_t per_32 = options.kv_type == KvType::f16    ? 64
                               : options.kv_type == KvType::q8_0 ? 34
                                                                 : 18;
  return of_token * options.context * per_32 / 32;
}

// A recurrent state is one of all tokens: none of them can be forgotten alone.
bool can_go_back(const Api& api, const llama_model* model) {
  return !api.is_recurrent(model) && !api.is_hybrid(model);
}

}  // namespace

Result<KvType> kv_type_of(std::string_view name) {
  for (const auto& [known, type] : kKvTypes) {
    if (known == name) return type;
  }
  return fail(Errc::invalid_argument, "The KV cache may be f16, q8_0 or q4_0, not \"{}\".", name);
}

std::string_view kv_type_name(KvType type) {
  for (const auto& [name, known] : kKvTypes) {
    if (known == type) return name;
  }
  return "f16";
}

class LlamaModel::Impl {
 public:
  Impl(std::shared_ptr<const Library> library, ModelHandle model)
      : library_(std::move(library)), model_(std::move(model)), prompts_(api(), vocab()) {}

  const Api& api() const { return library_->api(); }
  const llama_vocab* vocab() const { return api().vocab(model_.get()); }
  Status start(const LlamaModelOptions& options);

  std::shared_ptr<const Library> library_;  // Owners: engine, models, generators; immutable.
  ModelHandle model_;
  llama::PromptReader prompts_;
  ModelHandle draft_{nullptr, nullptr};
  LlamaModelInfo info_;
  std::optional<llama::ChatTemplate> template_;
  Status template_status_;
  std::unique_ptr<llama::Generator> generator_;  // Uses the model: declared after.
};

Status LlamaModel::Impl::start(const LlamaModelOptions& options) {
  ACCEL_TRY(generator_, llama::Generator::open(library_, model_.get(), draft_.get(), options,
                                               info_.kv_bytes / kParkedShare));
  std::array<char, 256> text{};
  api().model_desc(model_.get(), text.data(), text.size());
  info_.engine = "llama.cpp";
  info_.version = library_->version();
  info_.device = "cpu";
  info_.cpu_variant = library_->cpu_variant();
  info_.description = text.data();
  info_.parameters = api().model_parameters(model_.get());
  info_.weight_bytes = api().model_size(model_.get());
  info_.trained_context = static_cast<std::size_t>(api().model_context(model_.get()));
  info_.context = std::min(info_.trained_context, generator_->context());
  info_.vocabulary = static_cast<std::size_t>(api().vocab_size(vocab()));
  info_.parallel = options.parallel;
  info_.threads = options.threads;
  info_.can_draft = can_go_back(api(), model_.get());
  info_.has_draft = draft_ != nullptr;
  if (draft_ && api().model_desc(draft_.get(), text.data(), text.size()) > 0)
    info_.draft_description = text.data();
  info_.has_chat_template =
      !options.chat_template.empty() || api().chat_template(model_.get(), nullptr) != nullptr;
  if (!info_.has_chat_template) return {};
  auto opened = llama::ChatTemplate::open(*library_, model_.get(), options.chat_template,
                                          options.template_bounds);
  // A model whose template is broken still completes text.
  if (opened) {
    template_ = std::move(*opened);
  } else {
    template_status_ = fail(opened.error());
  }
  return {};
}

LlamaModel::LlamaModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LlamaModel::~LlamaModel() = default;

const LlamaModelInfo& LlamaModel::info() const { return impl_->info_; }

Result<std::vector<TokenId>> LlamaModel::tokenize(std::string_view text, bool special) const {
  return llama::tokens_of_text(impl_->api(), impl_->vocab(), text, true, special);
}

Result<std::vector<TokenId>> LlamaModel::prompt_tokens(std::string_view text, bool special,
                                                       std::stop_token stop) const {
  return impl_->prompts_.read(text, special, info().context - 1, stop);
}

Result<std::vector<TokenId>> LlamaModel::tokens_of(std::string_view text) const {
  return llama::tokens_of_text(impl_->api(), impl_->vocab(), text, false, true);
}

std::string LlamaModel::text_of(std::span<const TokenId> tokens) const {
  std::string bytes;
  for (const TokenId token : tokens) bytes += llama::piece_of(impl_->api(), impl_->vocab(), token);
  return llama::valid_utf8(bytes);
}

std::string LlamaModel::bytes_of(TokenId token) const {
  return llama::piece_of(impl_->api(), impl_->vocab(), token, /*shown=*/true);
}

Result<std::string> LlamaModel::chat_prompt(std::span<const ChatMessage> messages,
                                            std::stop_token stop) const {
  ACCEL_CHECK(impl_->template_status_);
  if (!impl_->template_) {
    return fail(Errc::unsupported,
                "The model has no chat template: it completes text, it does not chat.");
  }
  return impl_->template_->apply(messages, stop);
}

Result<ChatPlan> LlamaModel::chat_plan(const ChatRequest& request, std::stop_token stop) const {
  ACCEL_CHECK(impl_->template_status_);
  if (!impl_->template_)
    return fail(Errc::unsupported, "The model has no chat template, which tools need here.");
  return impl_->template_->plan(request, stop);
}

Result<std::string> LlamaModel::json_grammar(const std::string& schema,
                                             std::stop_token stop) const {
  ACCEL_CHECK(impl_->template_status_);
  if (!impl_->template_)
    return fail(Errc::unsupported, "The model has no chat template, which a schema needs here.");
  return impl_->template_->grammar_of(schema, stop);
}

Result<GenerationReport> LlamaModel::generate(const GenerationRequest& request,
                                              const TextSink& on_text, std::stop_token stop,
                                              TokenUse* use) {
  TokenUse unread;
  return impl_->generator_->generate(request, on_text, std::move(stop),
                                     use == nullptr ? unread : *use);
}

Status LlamaModel::admits(std::size_t prompt_tokens, std::size_t max_tokens) const {
  return impl_->generator_->admits(prompt_tokens, max_tokens);
}

Result<std::vector<float>> LlamaModel::logits(std::span<const TokenId> prompt,
                                              std::stop_token stop) {
  return impl_->generator_->logits(prompt, std::move(stop));
}

LlamaModel::Load LlamaModel::load() const { return impl_->generator_->load(); }

LlamaEngine::LlamaEngine(LlamaOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
LlamaEngine::~LlamaEngine() = default;

Status LlamaEngine::load() {
  const auto library = impl_->library();
  return library ? Status() : Status(fail(library.error()));
}

Result<BackendInfo> LlamaEngine::probe() {
  ACCEL_TRY(const std::shared_ptr<const Library> library, impl_->library());
  BackendInfo info;
  info.engine = "llama.cpp";
  info.version = library->version();
  info.library_path = library->path();
  info.devices.push_back({"cpu", "CPU", "ggml " + library->cpu_variant(), hardware::Platform::cpu});
  return info;
}

namespace {

Status check_options(const LlamaModelOptions& options) {
  if (options.parallel == 0 || options.parallel > kMaxParallelTexts)
    return fail(Errc::invalid_argument, "Between 1 and {} texts are decoded together, not {}.",
                kMaxParallelTexts, options.parallel);
  if (options.context < 2 || options.context > (1U << 28U))
    return fail(Errc::invalid_argument, "A context of {} tokens can't be made.", options.context);
  if (options.threads < 1 || options.threads > GGML_MAX_N_THREADS)
    return fail(Errc::invalid_argument, "llama.cpp takes 1 to {} threads, not {}.",
                GGML_MAX_N_THREADS, options.threads);
  return {};
}

}  // namespace

namespace {

Result<ModelHandle> load_draft(const Api& api, const std::filesystem::path& gguf_file,
                               const llama_model* target) {
  if (!can_go_back(api, target)) {
    return fail(Errc::unsupported,
                "The model keeps a state that can't be taken back: nothing is drafted for it.");
  }
  GgufHeader header;
  ACCEL_TRY(ModelHandle draft, llama::load_model(api, gguf_file, header));
  if (!can_go_back(api, draft.get())) {
    return fail(Errc::unsupported,
                "The draft model keeps a state that can't be taken back; choose another one.");
  }
  ACCEL_CHECK(llama::check_same_vocabulary(api, api.vocab(target), api.vocab(draft.get())));
  return draft;
}

}  // namespace

Result<std::unique_ptr<LlamaModel>> LlamaEngine::open(const std::filesystem::path& gguf_file,
                                                      const LlamaModelOptions& options) {
  ACCEL_CHECK(check_options(options));
  ACCEL_TRY(std::shared_ptr<const Library> library, impl_->library());
  const Api& api = library->api();
  GgufHeader header;
  ACCEL_TRY(ModelHandle model, llama::load_model(api, gguf_file, header));
  auto impl = std::make_unique<LlamaModel::Impl>(library, std::move(model));
  if (!options.draft_file.empty()) {
    ACCEL_TRY(impl->draft_, load_draft(api, options.draft_file, impl->model_.get()));
  }
  LlamaModelInfo& info = impl->info_;
  info.architecture = header.texts.find("general.architecture")->second;
  info.kv_type = kv_type_name(options.kv_type);
  info.kv_bytes = kv_bytes(api, impl->model_.get(), info.architecture, options);
  ACCEL_CHECK(impl->start(options));
  return std::unique_ptr<LlamaModel>(
      new LlamaModel(std::move(impl)));  // tidy: raw-new: private constructor
}

}  // namespace accel::inference
