// SPDX-License-Identifier: Apache-2.0
#pragma once
// Vectors of texts from a model in a GGUF file, which llama.cpp alone runs: nothing is measured to
// choose from. Used by run.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "accel/inference/llama_embedder.hpp"
#include "serving/loaded.hpp"
#include "serving/model_store.hpp"
#include "serving/run_request.hpp"

namespace accel::node {

// A model that a daemon keeps for vectors, apart from the same model for writing.
struct LoadedGgufEmbedder : Loaded {
  std::string weights_sha256;
  std::string precision;
  std::unique_ptr<inference::LlamaEmbedder> embedder;

  nlohmann::json row() const override;
};

// Whether its vectors are llama.cpp's to make: a GGUF file, and no other beside it.
bool embeds_by_llama(const models::ModelManifest& manifest);

// The result of `run`. Errors: as LlamaEmbedder's, invalid_argument (more threads than CPUs),
// unsupported (a device or precision that llama.cpp does not run here), resource_exhausted.
Result<nlohmann::json> embed_by_llama(ServingContext& call, const RunRequest& request,
                                      StoredModel& model);
// The same on what is in memory already; nothing when it is not.
std::optional<Result<nlohmann::json>> embed_by_loaded_llama(ServingContext& call,
                                                            const RunRequest& request);

}  // namespace accel::node
