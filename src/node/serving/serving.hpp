// SPDX-License-Identifier: Apache-2.0
#pragma once
// What serving methods share besides Services: the models that they keep loaded. One per node,
// thread-safe. Their handlers get it with the call.

#include <nlohmann/json.hpp>

#include "accel/inference/llama.hpp"
#include "context.hpp"
#include "serving/kept.hpp"

namespace accel::node {

struct LoadedText;
struct LoadedTensors;
struct LoadedFamily;
struct InferTally;

struct Serving {
  Serving(const Config& config, bool is_daemon)
      : texts(limit(config, is_daemon)),
        tensors(limit(config, is_daemon)),
        families(limit(config, is_daemon)) {}

  static constexpr std::size_t kMaxTallies = 4096;  // The models used least recently are forgotten.

  static std::size_t limit(const Config& config, bool is_daemon) {
    return is_daemon ? static_cast<std::size_t>(config.get<std::int64_t>("models.kept_sessions"))
                     : 0;
  }

  inference::LlamaEngine llama;
  Kept<LoadedText> texts;
  Kept<LoadedTensors> tensors;
  Kept<LoadedFamily> families;
  Kept<InferTally> tallies{kMaxTallies};  // Outlive `tensors`, which are let go.
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

using ServingHandler = Result<nlohmann::json> (*)(ServingContext&);

Result<nlohmann::json> run_model(ServingContext& call);
Result<nlohmann::json> text_generate(ServingContext& call);
Result<nlohmann::json> models_loaded(ServingContext& call);
Result<nlohmann::json> model_signature(ServingContext& call);
Result<nlohmann::json> model_infer(ServingContext& call);
Result<nlohmann::json> models_stats(ServingContext& call);
Result<nlohmann::json> models_unload(ServingContext& call);

}  // namespace accel::node
