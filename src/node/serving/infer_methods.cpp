// SPDX-License-Identifier: Apache-2.0
// model.signature and model.infer: a model's tensors as they are, for the Open Inference Protocol.
#include <algorithm>

#include "serving/loaded_tensors.hpp"
#include "serving/model_store.hpp"
#include "serving/serving.hpp"
#include "serving/tensor_json.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxInputs = 256;

// The first engine of the list that is here: tensors as they are want no choice by measurement.
Result<std::shared_ptr<LoadedTensors>> open_tensors(Context& context, StoredModel& model) {
  const models::Variant& variant = model.manifest.variants.front();
  if (variant.format != "onnx") {
    return fail(Errc::unsupported, "{} is kept as {}; tensors can be sent to ONNX models alone.",
                model.name, variant.format);
  }
  ACCEL_TRY(const std::filesystem::path file, models::fetch_variant(variant, model.fetcher));
  inference::SessionOptions options;
  const auto threads = context.services.config().get<std::int64_t>("cpu.num_threads");
  options.threads = static_cast<int>(std::clamp<std::int64_t>(threads, 1, 512));
  Error last{Errc::unavailable, "There is no engine.", {}};
  for (const auto& backend : context.services.backends()) {
    auto session = backend->open(file, options);
    if (session) {
      auto loaded = std::make_shared<LoadedTensors>();
      loaded->lease = std::move(model.lease);
      loaded->name = model.name;
      loaded->root = model.root;
      loaded->bytes = variant.bytes();
      loaded->session = std::move(*session);
      return loaded;
    }
    last = std::move(session).error();
    if (last.code != Errc::unavailable) break;
  }
  return fail(std::move(last));
}

Result<std::shared_ptr<LoadedTensors>> ready_tensors(ServingContext& call,
                                                     const std::string& name) {
  Context& context = call.context;
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(StoredModel model, open_model(*store, name));
  const std::string key = model.root.to_string();
  Kept<LoadedTensors>& kept = call.serving.tensors;
  if (auto loaded = kept.find(key)) return loaded;
  ACCEL_TRY(const auto turn, context.services.loading().take(context.stop));
  if (auto loaded = kept.find(key)) return loaded;  // Loaded while this one waited.
  ACCEL_TRY(auto loaded, open_tensors(context, model));
  kept.keep(key, loaded);
  return loaded;
}

json specs_of(const std::vector<inference::TensorSpec>& specs) {
  json list = json::array();
  for (const inference::TensorSpec& spec : specs) {
    list.push_back(
        {{"name", spec.name}, {"datatype", oip_datatype(spec.dtype)}, {"shape", spec.dims}});
  }
  return list;
}

Result<std::vector<NamedInput>> inputs_of(const json* list) {
  if (list == nullptr || !list->is_array() || list->size() > kMaxInputs)
    return fail(Errc::invalid_argument, "model.infer: inputs must be a list of at most {} tensors.",
                kMaxInputs);
  std::vector<NamedInput> inputs;
  for (const json& value : *list) {
    ACCEL_TRY(NamedInput input, tensor_of_json(value));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Result<json> infer(Context& context, inference::Session& session, const json* inputs,
                   std::vector<std::string> wanted) {
  ACCEL_TRY(const std::vector<NamedInput> given, inputs_of(inputs));
  std::vector<inference::NamedTensor> named;
  for (const NamedInput& input : given) named.push_back({input.name, &input.value});
  if (wanted.empty()) {
    for (const inference::TensorSpec& spec : session.outputs()) wanted.push_back(spec.name);
  }
  ACCEL_TRY(const auto outputs, session.run(named, wanted, {context.stop}));
  json list = json::array();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    ACCEL_TRY(json output, json_of_tensor(wanted[i], outputs[i]));
    list.push_back(std::move(output));
  }
  return list;
}

}  // namespace

Result<json> model_signature(ServingContext& call) {
  Context& context = call.context;
  const std::string name = context.params.required_text("model");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto loaded, ready_tensors(call, name));
  const inference::SessionInfo& info = loaded->session->info();
  return json{{"engine", info.engine},
              {"engine_version", info.version},
              {"inputs", specs_of(loaded->session->inputs())},
              {"outputs", specs_of(loaded->session->outputs())}};
}

Result<json> model_infer(ServingContext& call) {
  Context& context = call.context;
  const std::string name = context.params.required_text("model");
  const json* const inputs = call.value("inputs");
  const std::vector<std::string> wanted = context.params.texts("outputs");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto loaded, ready_tensors(call, name));
  const SteadyTime before = context.services.clock().now();
  ACCEL_TRY(json outputs, infer(context, *loaded->session, inputs, wanted));
  const double latency_ms = to_ms(context.services.clock().now() - before);
  const inference::SessionInfo& info = loaded->session->info();
  return json{{"outputs", std::move(outputs)},
              {"engine", info.engine},
              {"latency_ms", latency_ms},
              {"provenance", info.emulated ? "simulated" : "measured"}};
}

}  // namespace accel::node
