// SPDX-License-Identifier: Apache-2.0
#include "accel/models/text_embedder.hpp"

#include "session_io.hpp"

namespace accel::models {

TextEmbedder::TextEmbedder(std::shared_ptr<const TextPipeline> pipeline,
                           std::unique_ptr<inference::Session> session)
    : pipeline_(std::move(pipeline)), session_(std::move(session)) {}

Result<std::unique_ptr<TextEmbedder>> TextEmbedder::open(
    const ModelManifest& manifest, const Fetcher& fetcher,
    std::unique_ptr<inference::Session> session) {
  ACCEL_CHECK(plan_text_encoder(*session));
  ACCEL_TRY(auto pipeline, TextPipeline::open(manifest, fetcher));
  return std::make_unique<TextEmbedder>(std::move(pipeline), std::move(session));
}

Result<Embeddings> TextEmbedder::embed(std::span<const std::string> texts,
                                       const inference::RunOptions& options,
                                       inference::OutputUse* use) {
  return pipeline_->embed(*session_, texts, options, use);
}

}  // namespace accel::models
