// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include "accel/inference/llama_embedder.hpp"
#include "llama/batch.hpp"
#include "llama/context.hpp"
#include "llama/engine_impl.hpp"
#include "llama/model.hpp"
#include "llama/prompt_reader.hpp"
#include "llama/turns.hpp"

namespace accel::inference {

using llama::Api;
using llama::Library;
using Tokens = std::vector<TokenId>;

namespace {

// Texts join a batch up to these; a longer text is alone in its own. More gain nothing on a CPU,
// and each token of a decoder takes its vocabulary in numbers.
constexpr std::size_t kSharedTokens = 512;
constexpr std::size_t kSharedTexts = 16;

enum llama_pooling_type library_pooling(LlamaPooling pooling) {
  if (pooling == LlamaPooling::cls) return LLAMA_POOLING_TYPE_CLS;
  return pooling == LlamaPooling::last ? LLAMA_POOLING_TYPE_LAST : LLAMA_POOLING_TYPE_MEAN;
}

// To length 1. False where that can't be: a number is not finite, or all are 0.
bool normalize(std::vector<float>& vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  if (!std::isfinite(squares) || squares <= 0) return false;
  const double length = std::sqrt(squares);
  for (float& value : vector) value = static_cast<float>(value / length);
  return true;
}

Status check_options(const LlamaEmbedderOptions& options) {
  if (options.max_tokens < 2 || options.max_tokens > kMaxEmbeddingTokens)
    return fail(Errc::invalid_argument, "A text to embed may have 2 to {} tokens at most, not {}.",
                kMaxEmbeddingTokens, options.max_tokens);
  if (options.threads < 1 || options.threads > GGML_MAX_N_THREADS)
    return fail(Errc::invalid_argument, "llama.cpp takes 1 to {} threads, not {}.",
                GGML_MAX_N_THREADS, options.threads);
  return {};
}

// How many of the texts go into the next batch.
std::size_t batch_size(std::span<const Tokens> texts) {
  std::size_t count = 1, tokens = texts.front().size();
  while (count < std::min(texts.size(), kSharedTexts)) {
    tokens += texts[count].size();
    if (tokens > kSharedTokens) break;
    ++count;
  }
  return count;
}

}  // namespace

class LlamaEmbedder::Impl {
 public:
  Impl(std::shared_ptr<const Library> library, llama::ModelHandle model, std::size_t max_waiting)
      : library_(std::move(library)),
        model_(std::move(model)),
        prompts_(api(), vocab()),
        turns_(max_waiting + 1) {}

  Status start(const GgufHeader& header, const LlamaEmbedderOptions& options);
  Result<TextVectors> embed(std::span<const std::string> texts, const std::stop_token& stop);

  LlamaEmbedderInfo info_;

 private:
  const Api& api() const { return library_->api(); }
  const llama_vocab* vocab() const { return api().vocab(model_.get()); }
  void describe(const GgufHeader& header, const LlamaEmbedderOptions& options);
  Status make_context(const LlamaEmbedderOptions& options);
  Result<Tokens> tokenize(const std::string& text, std::size_t& whole) const;
  Status compute(std::span<const Tokens> texts, const std::stop_token& stop, TextVectors& result);
  Status take_vector(std::size_t sequence, TextVectors& result);

  std::shared_ptr<const Library> library_;  // Owners: engine, models, this; immutable.
  llama::ModelHandle model_;
  llama::PromptReader prompts_;
  llama::ThreadpoolHandle threadpool_{nullptr, nullptr};  // Outlives the context that uses it.
  std::atomic<bool> abort_ = false;                 // Of whose turn it is: the caller has left.
  llama::ContextHandle context_{nullptr, nullptr};  // Of whose turn it is.
  llama::Turns turns_;
};

Status LlamaEmbedder::Impl::start(const GgufHeader& header, const LlamaEmbedderOptions& options) {
  ACCEL_TRY(info_.pooling, llama_pooling_of(header));
  describe(header, options);
  return make_context(options);
}

void LlamaEmbedder::Impl::describe(const GgufHeader& header, const LlamaEmbedderOptions& options) {
  std::array<char, 256> text{};
  if (api().model_desc(model_.get(), text.data(), text.size()) > 0) info_.description = text.data();
  info_.engine = "llama.cpp";
  info_.version = library_->version();
  info_.device = "cpu";
  info_.architecture = header.texts.find("general.architecture")->second;
  info_.parameters = api().model_parameters(model_.get());
  info_.weight_bytes = api().model_size(model_.get());
  info_.dimension = static_cast<std::size_t>(std::max(api().output_width(model_.get()), 0));
  // Beyond what it was trained with an encoder has no places for tokens.
  const auto trained = static_cast<std::size_t>(std::max(api().model_context(model_.get()), 1));
  info_.max_tokens = std::min(trained, options.max_tokens);
  info_.threads = options.threads;
}

// A text is pooled within one step of the library, so a step is as long as the longest text.
Status LlamaEmbedder::Impl::make_context(const LlamaEmbedderOptions& options) {
  llama_context_params params = api().context_params();
  params.n_ctx = static_cast<std::uint32_t>(std::max(info_.max_tokens, kSharedTokens));
  params.n_batch = params.n_ubatch = params.n_ctx;
  params.n_seq_max = kSharedTexts;
  params.kv_unified = true;
  params.embeddings = true;
  params.pooling_type = library_pooling(info_.pooling);
  // Flash attention adds up in 16 bits: a text's vector then differs by 4e-3 with its neighbours.
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.n_threads = params.n_threads_batch = options.threads;
  params.abort_callback = &llama::is_set;
  params.abort_callback_data = &abort_;
  threadpool_ = llama::make_threadpool(*library_, options.threads, options.spinning);
  context_ = llama::ContextHandle(api().context_new(model_.get(), params), api().context_free);
  if (!context_)
    return fail(Errc::resource_exhausted,
                "There is no memory for texts of {} tokens; choose shorter ones.",
                info_.max_tokens);
  if (threadpool_) api().attach_threadpool(context_.get(), threadpool_.get(), threadpool_.get());
  return {};
}

// What the model wants at a text's end stays when the text is cut. `whole`: tokens before that, of
// as much of a very long text as was read.
Result<Tokens> LlamaEmbedder::Impl::tokenize(const std::string& text, std::size_t& whole) const {
  const std::string_view begin = prompts_.beginning(text, info_.max_tokens);
  ACCEL_TRY(Tokens tokens, llama::tokens_of_text(api(), vocab(), begin, true, true));
  if (tokens.empty())
    return fail(Errc::invalid_argument, "A text is empty: the model has no vector for it.");
  whole = tokens.size();
  if (whole <= info_.max_tokens) return tokens;
  const TokenId last = tokens.back();
  tokens.resize(info_.max_tokens);
  if (api().adds_eos(vocab()) || api().adds_separator(vocab())) tokens.back() = last;
  return tokens;
}

Result<TextVectors> LlamaEmbedder::Impl::embed(std::span<const std::string> texts,
                                               const std::stop_token& stop) {
  const llama::Turns::Caller caller(turns_);
  if (!caller)
    return fail(Errc::resource_exhausted,
                "Too many requests wait for the model already; try again later.");
  TextVectors result;
  std::vector<Tokens> tokens;
  for (const std::string& text : texts) {
    std::size_t whole = 0;
    ACCEL_TRY(tokens.emplace_back(), tokenize(text, whole));
    result.tokens.push_back(tokens.back().size());
    if (whole > tokens.back().size()) result.cut.push_back({tokens.size() - 1, whole});
  }
  for (std::span<const Tokens> rest(tokens); !rest.empty();) {
    const std::size_t count = batch_size(rest);
    ACCEL_CHECK(compute(rest.first(count), stop, result));
    rest = rest.subspan(count);
  }
  return result;
}

Status LlamaEmbedder::Impl::compute(std::span<const Tokens> texts, const std::stop_token& stop,
                                    TextVectors& result) {
  llama::Batch batch;
  for (std::size_t sequence = 0; sequence < texts.size(); ++sequence) {
    for (std::size_t at = 0; at < texts[sequence].size(); ++at)
      batch.add(texts[sequence][at], at, sequence, true);
  }
  const llama::Turns::Turn turn(turns_, stop);
  if (!turn || stop.stop_requested())
    return fail(Errc::cancelled, "The vectors were no longer wanted.");
  abort_ = false;
  const std::stop_callback on_stop(stop, [this] { abort_ = true; });
  // An encoder keeps nothing from batch to batch; of a decoder nothing is wanted again.
  if (llama_memory_t const memory = api().memory(context_.get()))
    api().memory_clear(memory, /*data=*/false);
  ACCEL_CHECK(llama::decode(api(), context_.get(), batch.view()));
  for (std::size_t sequence = 0; sequence < texts.size(); ++sequence)
    ACCEL_CHECK(take_vector(sequence, result));
  return {};
}

Status LlamaEmbedder::Impl::take_vector(std::size_t sequence, TextVectors& result) {
  const float* const values =
      api().text_vector(context_.get(), static_cast<llama_seq_id>(sequence));
  if (values == nullptr) return fail(Errc::internal, "llama.cpp made no vector of a text.");
  std::vector<float>& vector = result.vectors.emplace_back(values, values + info_.dimension);
  if (normalize(vector)) return {};
  return fail(Errc::internal, "The model made a vector that is not finite, or none at all.");
}

LlamaEmbedder::LlamaEmbedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LlamaEmbedder::~LlamaEmbedder() = default;

const LlamaEmbedderInfo& LlamaEmbedder::info() const { return impl_->info_; }

Result<TextVectors> LlamaEmbedder::embed(std::span<const std::string> texts, std::stop_token stop) {
  return impl_->embed(texts, stop);
}

Result<std::unique_ptr<LlamaEmbedder>> LlamaEmbedder::open(LlamaEngine& engine,
                                                           const std::filesystem::path& gguf_file,
                                                           const LlamaEmbedderOptions& options) {
  ACCEL_CHECK(check_options(options));
  ACCEL_TRY(std::shared_ptr<const Library> library, engine.impl_->library());
  GgufHeader header;
  ACCEL_TRY(llama::ModelHandle model, llama::load_model(library->api(), gguf_file, header));
  auto impl = std::make_unique<Impl>(std::move(library), std::move(model), options.max_waiting);
  ACCEL_CHECK(impl->start(header, options));
  return std::unique_ptr<LlamaEmbedder>(
      new LlamaEmbedder(std::move(impl)));  // tidy: raw-new: private constructor
}

}  // namespace accel::inference
