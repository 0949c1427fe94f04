// SPDX-License-Identifier: Apache-2.0
#pragma once
// Texts to vectors with a sentence encoder: tokenize, run, pool over the attention mask, normalize.
// Used by node (text embed, run), bench and tests. Spec: sentence-transformers' modules.json,
// 1_Pooling/config.json and sentence_bert_config.json (docs/formats/model.md).
//
// Two steps, so that a session can open while the tokenizer is read, and so that one pipeline
// serves trials over many sessions: TextPipeline (immutable, thread-safe) prepares batches and
// finishes results; TextEmbedder adds the session. Both may be used from many threads.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "accel/inference/batching.hpp"
#include "accel/inference/output_cache.hpp"
#include "accel/inference/session.hpp"
#include "accel/models/manifest.hpp"
#include "accel/models/tokenizer.hpp"

namespace accel::models {

enum class Pooling { mean, cls, max, mean_sqrt_len };

struct TextEmbeddingConfig {
  Pooling pooling = Pooling::mean;
  bool normalize = false;        // Divide by the Euclidean norm.
  std::size_t max_length = 512;  // Tokens, special ones included.
  std::size_t dimension = 0;     // 0 where no file says.
};
// Errors: not_found (modules.json names a part that is missing), corrupt, unsupported (a module or
// pooling that is not implemented, named), and the Fetcher's.
Result<TextEmbeddingConfig> read_text_embedding_config(const ModelManifest& manifest,
                                                       const Fetcher& fetcher);

// Token ids of several texts, padded on the right to one length.
struct TextBatch {
  tensor::Tensor input_ids;         // i64[batch, sequence]
  tensor::Tensor attention_mask;    // i64[batch, sequence]: 1 for a token, 0 for padding.
  tensor::Tensor token_type_ids;    // i64[batch, sequence]
  std::vector<std::size_t> tokens;  // Of each text, special ones included.
  std::size_t truncated = 0;        // How many texts were cut to max_length.
};

struct Embeddings {
  std::vector<std::vector<float>> vectors;  // float32[texts][dimension], in order.
  std::vector<std::size_t> tokens;          // Of each text, as computed.
  std::vector<std::size_t> cut;             // Which texts had more, from 0.
  std::size_t known = 0;                    // Texts whose vectors did not have to be computed.
};

struct SessionPlan;  // Which inputs and outputs of a session are used; private.
class KeptVectors;   // Which texts have to run; private.

constexpr std::size_t kMaxEmbedTexts = 100'000;  // In one call.
constexpr std::size_t kMaxBatchRows = 32;        // Texts in one run of the session.
constexpr std::size_t kMaxBatchTokens = 8192;    // Padded: bounds what activations cost in memory.

class TextPipeline {
 public:
  // Errors: as read_text_embedding_config and Tokenizer::from_json; not_found (tokenizer.json).
  static Result<std::shared_ptr<const TextPipeline>> open(const ModelManifest& manifest,
                                                          const Fetcher& fetcher);
  TextPipeline(TextEmbeddingConfig config, Tokenizer tokenizer);

  const TextEmbeddingConfig& config() const { return config_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }

  // One batch of all the texts; `sequence` pads to at least so many tokens. Errors:
  // invalid_argument (no text), resource_exhausted.
  Result<TextBatch> prepare(std::span<const std::string> texts, std::size_t sequence = 0) const;
  // Runs one batch. Errors: unsupported (inputs or outputs that no sentence encoder has, named),
  // internal (a result that is not finite), and Session::run's.
  Result<std::vector<std::vector<float>>> run(inference::Session& session, const TextBatch& batch,
                                              const inference::RunOptions& options) const;
  // Any number of texts: sorted by length into batches within the limits above, run one by one.
  // With `use` only those run whose tokens it does not know, each once. Errors: as prepare and run;
  // resource_exhausted above kMaxEmbedTexts; cancelled.
  Result<Embeddings> embed(inference::Session& session, std::span<const std::string> texts,
                           const inference::RunOptions& options,
                           inference::OutputUse* use = nullptr) const;
  // For a session that batches the requests of several callers.
  inference::RowRules row_rules(const inference::Session& session) const;

 private:
  struct Running {
    inference::Session& session;
    const SessionPlan& plan;
    const inference::RunOptions& options;
  };
  // Adds what is known of the texts' tokens to `result`.
  std::vector<Encoding> encode(std::span<const std::string> texts, const SessionPlan& plan,
                               Embeddings& result) const;
  Status run_slice(const Running& running, std::span<const Encoding> encodings, KeptVectors& kept,
                   std::span<std::vector<float>> vectors) const;

  TextEmbeddingConfig config_;
  Tokenizer tokenizer_;
};

class TextEmbedder {
 public:
  // Errors: as TextPipeline::open; unsupported when the session is no sentence encoder.
  static Result<std::unique_ptr<TextEmbedder>> open(const ModelManifest& manifest,
                                                    const Fetcher& fetcher,
                                                    std::unique_ptr<inference::Session> session);
  TextEmbedder(std::shared_ptr<const TextPipeline> pipeline,
               std::unique_ptr<inference::Session> session);

  Result<Embeddings> embed(std::span<const std::string> texts,
                           const inference::RunOptions& options = {},
                           inference::OutputUse* use = nullptr);
  inference::Session& session() { return *session_; }
  const TextPipeline& pipeline() const { return *pipeline_; }

 private:
  std::shared_ptr<const TextPipeline> pipeline_;  // Owners: this and whoever measures with it.
  std::unique_ptr<inference::Session> session_;
};

}  // namespace accel::models
