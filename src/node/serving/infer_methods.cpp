// SPDX-License-Identifier: Apache-2.0
// model.signature and model.infer: a model's tensors as they are, for the Open Inference Protocol;
// models.stats: what model.infer did; models.unload.
#include <algorithm>
#include <cmath>
#include <optional>

#include "names/names.hpp"
#include "serving/batched.hpp"
#include "serving/family_run.hpp"
#include "serving/loaded_tensors.hpp"
#include "serving/loaded_text.hpp"
#include "serving/model_store.hpp"
#include "serving/serving.hpp"
#include "serving/tensor_json.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxInputs = 256;

// The first engine of the list that is here: tensors as they are want no choice by measurement.
Result<std::shared_ptr<LoadedTensors>> open_tensors(Context& context, StoredModel& model,
                                                    std::shared_ptr<InferTally> tally) {
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
      loaded->tally = std::move(tally);
      loaded->bytes = variant.bytes();
      loaded->session = batched(context.services, std::move(*session), model.name, std::nullopt);
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
  auto tally = call.serving.tallies.find(key);
  if (!tally) {
    tally = std::make_shared<InferTally>();
    tally->name = model.name;
    tally->root = model.root;
  }
  ACCEL_TRY(auto loaded, open_tensors(context, model, std::move(tally)));
  if (!call.serving.tallies.find(key)) call.serving.tallies.keep(key, loaded->tally);
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

// Which outputs, and which of them as bytes: all, or those named.
struct WantedOutputs {
  std::vector<std::string> names;
  std::vector<std::string> binary;
  bool all_binary = false;

  bool as_bytes(const std::string& name) const {
    return all_binary || std::ranges::find(binary, name) != binary.end();
  }
};

Result<json> infer(inference::Session& session, const json* inputs, WantedOutputs wanted,
                   const inference::RunOptions& options) {
  ACCEL_TRY(const std::vector<NamedInput> given, inputs_of(inputs));
  std::vector<inference::NamedTensor> named;
  for (const NamedInput& input : given) named.push_back({input.name, &input.value});
  std::vector<std::string>& names = wanted.names;
  if (names.empty()) {
    for (const inference::TensorSpec& spec : session.outputs()) names.push_back(spec.name);
  }
  ACCEL_TRY(const auto outputs, session.run(named, names, options));
  json list = json::array();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    ACCEL_TRY(json output, json_of_tensor(names[i], outputs[i], wanted.as_bytes(names[i])));
    list.push_back(std::move(output));
  }
  return list;
}

void count(InferTally& tally, bool succeeded, Duration took,
           const std::vector<inference::BatchNote>& notes) {
  const auto of_ms = [](double ms) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
  };
  const std::scoped_lock lock(tally.mutex);
  InferCounts& counts = tally.counts;
  counts.last = system_clock().wall_now();
  ++(succeeded ? counts.succeeded : counts.failed);
  (succeeded ? counts.total : counts.failing) += took;
  if (!succeeded) return;
  if (notes.empty()) {  // It ran alone.
    counts.rows += 1;
    counts.executions += 1;
    counts.computing += took;
  }
  for (const inference::BatchNote& note : notes) {
    counts.rows += note.own_rows;
    counts.executions += 1.0 / static_cast<double>(note.requests);
    counts.queued += of_ms(note.wait_ms);
    counts.computing += of_ms(note.run_ms);
  }
}

json counts_of(InferTally& tally) {
  const auto ns = [](Duration duration) { return duration.count(); };
  const std::scoped_lock lock(tally.mutex);
  const InferCounts& counts = tally.counts;
  const auto last = counts.last.time_since_epoch();
  return {{"name", tally.name},
          {"cid", tally.root.to_string()},
          {"succeeded", counts.succeeded},
          {"failed", counts.failed},
          {"rows", counts.rows},
          {"executions", static_cast<std::uint64_t>(std::llround(counts.executions))},
          {"total_ns", ns(counts.total)},
          {"failed_ns", ns(counts.failing)},
          {"queue_ns", ns(counts.queued)},
          {"compute_ns", ns(counts.computing)},
          {"last_unix_ms", std::chrono::duration_cast<std::chrono::milliseconds>(last).count()}};
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

Result<json> models_stats(ServingContext& call) {
  Context& context = call.context;
  const std::string name = context.params.text("model", {});
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  std::optional<ipld::Cid> root;
  if (!name.empty()) {
    ACCEL_TRY(const Target target, resolve_target(*store, name));
    root = target.cid;
  }
  json rows = json::array();
  for (const auto& tally : call.serving.tallies.all()) {
    if (!root || tally->root == *root) rows.push_back(counts_of(*tally));
  }
  return json{{"models", std::move(rows)}};
}

Result<json> models_unload(ServingContext& call) {
  Context& context = call.context;
  const std::string name = context.params.required_text("model");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, name));
  std::size_t gone = call.serving.tensors.drop(
      [&](const LoadedTensors& loaded) { return loaded.root == target.cid; });
  gone +=
      call.serving.texts.drop([&](const LoadedText& loaded) { return loaded.root == target.cid; });
  gone += call.serving.families.drop(
      [&](const LoadedFamily& loaded) { return loaded.root == target.cid; });
  gone += context.services.kept_sessions().drop(target.cid);
  return json{{"unloaded", gone}};
}

Result<json> model_infer(ServingContext& call) {
  Context& context = call.context;
  const std::string name = context.params.required_text("model");
  const json* const inputs = call.value("inputs");
  WantedOutputs wanted;
  wanted.names = context.params.texts("outputs");
  wanted.binary = context.params.texts("binary_outputs");
  wanted.all_binary = context.params.flag("binary");
  const std::string client = context.params.text("client", {});
  const bool explain = context.params.flag("explain");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto loaded, ready_tensors(call, name));
  std::vector<inference::BatchNote> notes;
  const inference::RunOptions options{context.stop, client, &notes};
  const SteadyTime before = context.services.clock().now();
  Result<json> ran = infer(*loaded->session, inputs, std::move(wanted), options);
  const Duration took = context.services.clock().now() - before;
  count(*loaded->tally, ran.has_value(), took, notes);
  ACCEL_TRY(json outputs, std::move(ran));
  const double latency_ms = to_ms(took);
  const inference::SessionInfo& info = loaded->session->info();
  json result{{"outputs", std::move(outputs)},
              {"engine", info.engine},
              {"latency_ms", latency_ms},
              {"provenance", info.emulated ? "simulated" : "measured"}};
  if (explain) result["batches"] = json_of(notes);
  return result;
}

}  // namespace accel::node
