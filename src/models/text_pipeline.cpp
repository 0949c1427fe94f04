// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/models/text_embedder.hpp"
#include "kept_vectors.hpp"
#include "pooling.hpp"
#include "session_io.hpp"
#include "text_batch.hpp"

namespace accel::models {
namespace {

using tensor::DType;
using tensor::Tensor;

// Texts that are tokenized before any of them runs: enough to sort by length, few enough to hold.
constexpr std::size_t kSliceTexts = 1024;

Result<Tensor> run_session(inference::Session& session, const SessionPlan& plan,
                           const TextBatch& batch, const inference::RunOptions& options) {
  const std::vector<std::string> wanted{plan.output};
  ACCEL_TRY(std::vector<Tensor> outputs, run_text(session, plan, batch, wanted, options));
  const tensor::Shape& in = batch.input_ids.shape();
  const bool fits = outputs.size() == 1 && outputs[0].dtype() == DType::f32 &&
                    outputs[0].shape().size() == 3 && outputs[0].shape()[0] == in[0] &&
                    outputs[0].shape()[1] == in[1];
  if (!fits) {
    return fail(Errc::internal, "The engine's {} is not float32[{}, {}, hidden].", plan.output,
                in[0], in[1]);
  }
  return std::move(outputs[0]);
}

Result<std::vector<std::vector<float>>> run_planned(inference::Session& session,
                                                    const SessionPlan& plan,
                                                    const TextEmbeddingConfig& config,
                                                    const TextBatch& batch,
                                                    const inference::RunOptions& options) {
  ACCEL_TRY(const Tensor hidden, run_session(session, plan, batch, options));
  const auto rows = static_cast<std::size_t>(hidden.shape()[0]);
  const auto sequence = static_cast<std::size_t>(hidden.shape()[1]);
  const auto dimension = static_cast<std::size_t>(hidden.shape()[2]);
  if (config.dimension != 0 && config.dimension != dimension) {
    return fail(Errc::corrupt, "The model gives vectors of {} numbers, but its files say {}.",
                dimension, config.dimension);
  }
  std::vector<std::vector<float>> vectors;
  for (std::size_t row = 0; row < rows; ++row) {
    vectors.push_back(
        pool(config.pooling,
             hidden.data<float>().subspan(row * sequence * dimension, sequence * dimension),
             batch.attention_mask.data<std::int64_t>().subspan(row * sequence, sequence)));
    if (config.normalize) normalize(vectors.back());
    if (!is_finite(vectors.back())) {
      return fail(Errc::internal, "The engine's result for text {} of the batch is not finite.",
                  row);
    }
  }
  return vectors;
}

// How many of `ordered`, longest first, fit one run.
std::size_t batch_rows(std::span<const Encoding* const> ordered, const SessionPlan& plan) {
  if (plan.batch) return std::min(*plan.batch, ordered.size());
  const std::size_t length = std::max<std::size_t>(plan.sequence.value_or(longest_of(ordered)), 1);
  return std::min(
      {ordered.size(), kMaxBatchRows, std::max<std::size_t>(kMaxBatchTokens / length, 1)});
}

}  // namespace

Result<std::shared_ptr<const TextPipeline>> TextPipeline::open(const ModelManifest& manifest,
                                                               const Fetcher& fetcher) {
  ACCEL_TRY(const TextFiles files, read_text_files(manifest, fetcher));
  ACCEL_TRY(Tokenizer tokenizer, Tokenizer::from_json(files.tokenizer_json));
  return std::make_shared<const TextPipeline>(files.config, std::move(tokenizer));
}

TextPipeline::TextPipeline(TextEmbeddingConfig config, Tokenizer tokenizer)
    : config_(config), tokenizer_(std::move(tokenizer)) {}

Result<TextBatch> TextPipeline::prepare(std::span<const std::string> texts,
                                        std::size_t sequence) const {
  if (texts.empty()) return fail(Errc::invalid_argument, "There is no text to embed.");
  std::vector<Encoding> encodings;
  for (const std::string& text : texts) {
    encodings.push_back(tokenizer_.encode(text, {config_.max_length, true}));
  }
  std::vector<const Encoding*> pointers;
  for (const Encoding& encoding : encodings) pointers.push_back(&encoding);
  return make_text_batch(pointers, sequence, tokenizer_.pad_id());
}

Result<std::vector<std::vector<float>>> TextPipeline::run(
    inference::Session& session, const TextBatch& batch,
    const inference::RunOptions& options) const {
  ACCEL_TRY(const SessionPlan plan, plan_text_encoder(session));
  return run_planned(session, plan, config_, batch, options);
}

inference::RowRules TextPipeline::row_rules(const inference::Session& session) const {
  inference::RowRules rules = text_row_rules(session, tokenizer_.pad_id(), 3);
  rules.prove = rules.padding.empty();  // A mask keeps the rows of an encoder apart.
  return rules;
}

Result<Embeddings> TextPipeline::embed(inference::Session& session,
                                       std::span<const std::string> texts,
                                       const inference::RunOptions& options,
                                       inference::OutputUse* use) const {
  if (texts.size() > kMaxEmbedTexts) {
    return fail(Errc::resource_exhausted, "{} texts were given; {} are embedded in one call.",
                texts.size(), kMaxEmbedTexts);
  }
  if (texts.empty()) return fail(Errc::invalid_argument, "There is no text to embed.");
  ACCEL_TRY(const SessionPlan plan, plan_text_encoder(session));
  Embeddings result;
  result.vectors.resize(texts.size());
  for (std::size_t at = 0; at < texts.size(); at += kSliceTexts) {
    const std::size_t count = std::min(kSliceTexts, texts.size() - at);
    const std::vector<Encoding> encodings = encode(texts.subspan(at, count), plan, result);
    KeptVectors kept(use, config_, encodings);
    const auto vectors = std::span(result.vectors).subspan(at, count);
    ACCEL_CHECK(run_slice({session, plan, options}, encodings, kept, vectors));
    result.known += kept.spared();
  }
  return result;
}

std::vector<Encoding> TextPipeline::encode(std::span<const std::string> texts,
                                           const SessionPlan& plan, Embeddings& result) const {
  const std::size_t max_length =
      std::min(config_.max_length, plan.sequence.value_or(config_.max_length));
  std::vector<Encoding> encodings;
  for (const std::string& text : texts) {
    encodings.push_back(tokenizer_.encode(text, {max_length, true}));
    result.tokens.push_back(encodings.back().ids.size());
    if (encodings.back().truncated) result.cut.push_back(encodings.size() - 1);
  }
  return encodings;
}

Status TextPipeline::run_slice(const Running& running, std::span<const Encoding> encodings,
                               KeptVectors& kept, std::span<std::vector<float>> vectors) const {
  const auto& [session, plan, options] = running;
  std::vector<std::size_t> order = kept.take(vectors);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return encodings[a].ids.size() > encodings[b].ids.size();
  });
  std::vector<const Encoding*> ordered;
  for (const std::size_t index : order) ordered.push_back(&encodings[index]);

  for (std::size_t at = 0; at < ordered.size();) {
    if (options.stop.stop_requested()) return fail(Errc::cancelled, "Embedding was cancelled.");
    const std::size_t rows = batch_rows(std::span(ordered).subspan(at), plan);
    std::vector<const Encoding*> group(&ordered[at], &ordered[at] + rows);
    if (plan.batch) group.resize(*plan.batch, group.back());  // A fixed batch is filled up.
    ACCEL_TRY(const TextBatch batch,
              make_text_batch(group, plan.sequence.value_or(0), tokenizer_.pad_id()));
    ACCEL_TRY(auto computed, run_planned(session, plan, config_, batch, options));
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t text = order[at + row];
      vectors[text] = std::move(computed[row]);
      kept.keep(text, vectors[text]);
    }
    at += rows;
  }
  kept.share(vectors);
  return {};
}

}  // namespace accel::models
