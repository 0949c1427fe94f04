// SPDX-License-Identifier: Apache-2.0
#pragma once
// What serving methods share besides Services: the pool of the models that are in memory. One per
// node, thread-safe. Their handlers get it with the call.

#include <nlohmann/json.hpp>
#include <optional>

#include "accel/inference/llama.hpp"
#include "accel/inference/model_pool.hpp"
#include "accel/inference/output_cache.hpp"
#include "context.hpp"
#include "serving/kept.hpp"
#include "serving/remote_endpoints.hpp"
#include "serving/resting_devices.hpp"

namespace accel::node {

struct InferTally;
struct StoredModel;

struct Serving {
  // What it takes must outlive it. A daemon keeps models, a command none beyond its calls.
  explicit Serving(Services& services);

  static constexpr std::size_t kMaxTallies = 4096;  // The models used least recently are forgotten.

  static constexpr std::size_t kMaxLastKeys = 64;  // They are searched one after the other.

  // What is in memory under a key; none when it is not, or is to be loaded once more.
  inference::Loan find(const std::string& key);
  // What to ask the pool for: a model whose weights and context take so many bytes, under a key
  // that says of which kind it is.
  inference::PoolDemand demand(const StoredModel& model, std::string key, std::uint64_t bytes,
                               std::uint64_t opening_bytes = 0) const;

  Services& services;
  inference::LlamaEngine llama;
  Kept<InferTally> tallies{kMaxTallies};  // Outlive the models, which are unloaded.
  inference::OutputCache outputs;         // Outlives the models, whose entries go with them.
  inference::ModelPool models;
  // Where the names of model.infer led to last, as keys of `models`: for guesses, as names move.
  Kept<const std::string> last_keys{kMaxLastKeys};
  RemoteEndpoints endpoints;
  RestingDevices resting;
};

// `params` holds what Params has no words for: lists of objects, checked by the handler.
struct ServingContext {
  Context& context;
  Serving& serving;
  const nlohmann::json& params;

  // A parameter as it is; null when not given. It counts as read.
  const nlohmann::json* value(const char* name) const {
    return context.params.given(name) ? &params.at(name) : nullptr;
  }
};

// What the parameter keep_alive asks for. How long models stay is for those who may load and unload
// them: of others it is read and has no effect. Errors: invalid_argument.
Result<std::optional<Duration>> keep_alive_wish(ServingContext& call);

using ServingHandler = Result<nlohmann::json> (*)(ServingContext&);

Result<nlohmann::json> run_model(ServingContext& call);
Result<nlohmann::json> text_generate(ServingContext& call);
Result<nlohmann::json> models_load(ServingContext& call);
Result<nlohmann::json> models_loaded(ServingContext& call);
Result<nlohmann::json> model_signature(ServingContext& call);
Result<nlohmann::json> model_infer(ServingContext& call);
// Whether model.infer with these parameters is expected to take some microseconds.
bool infers_briefly(Serving& serving, const nlohmann::json& params);
Result<nlohmann::json> models_stats(ServingContext& call);
Result<nlohmann::json> models_unload(ServingContext& call);
Result<nlohmann::json> node_status(ServingContext& call);
Result<nlohmann::json> endpoints_add(ServingContext& call);
Result<nlohmann::json> endpoints_list(ServingContext& call);
Result<nlohmann::json> endpoints_rm(ServingContext& call);
Result<nlohmann::json> endpoints_test(ServingContext& call);
Result<nlohmann::json> endpoints_stats(ServingContext& call);

}  // namespace accel::node
