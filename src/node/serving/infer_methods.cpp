// SPDX-License-Identifier: Apache-2.0
// model.signature and model.infer: a model's tensors as they are, for the Open Inference Protocol;
// models.stats: what model.infer did.
#include <algorithm>
#include <cmath>
#include <optional>

#include "accel/inference/cached_session.hpp"
#include "names/names.hpp"
#include "serving/batched.hpp"
#include "serving/keep_alive.hpp"
#include "serving/known_outputs.hpp"
#include "serving/loaded_tensors.hpp"
#include "serving/model_spans.hpp"
#include "serving/model_store.hpp"
#include "serving/priority_wish.hpp"
#include "serving/remote_run.hpp"
#include "serving/serving.hpp"
#include "serving/tensor_json.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxInputs = 256;

// The first engine of the list that is here: tensors as they are want no choice by measurement.
Result<std::shared_ptr<inference::PooledModel>> open_tensors(ServingContext& call,
                                                             StoredModel& model,
                                                             std::shared_ptr<InferTally> tally) {
  Context& context = call.context;
  const models::Variant& variant = model.manifest.variants.front();
  if (variant.format != "onnx") {
    return fail(Errc::not_found, "{} is no model of tensors: it is kept as {}, not as ONNX.",
                model.name, variant.format);
  }
  ACCEL_TRY(const std::filesystem::path file, models::fetch_variant(variant, model.fetcher));
  inference::SessionOptions options;
  const auto threads = context.services.config().get<std::int64_t>("cpu.num_threads");
  options.threads = static_cast<int>(std::clamp<std::int64_t>(threads, 1, 512));
  options = kept_options(context.services, std::move(options));
  Error last{Errc::unavailable, "There is no engine.", {}};
  trace::Span span = load_span(model.name, model.root);
  for (const auto& backend : context.services.backends()) {
    auto session = backend->open(file, options);
    if (session) {
      auto loaded = std::make_shared<LoadedTensors>();
      loaded->lease = std::move(model.lease);
      loaded->name = model.name;
      loaded->root = model.root;
      loaded->tally = std::move(tally);
      loaded->bytes = variant.bytes();
      tell_session(span, (*session)->info());
      loaded->outputs = own_outputs(call.serving.outputs, **session);
      loaded->session = batched(context.services, std::move(*session), model.name);
      return loaded;
    }
    last = std::move(session).error();
    if (last.code != Errc::unavailable) break;
  }
  span.fail(last);
  return fail(std::move(last));
}

std::string key_of(const ipld::Cid& root) { return "tensors " + root.to_string(); }

std::shared_ptr<InferTally> tally_of(ServingContext& call, const StoredModel& model) {
  if (auto tally = call.serving.tallies.find(model.root.to_string())) return tally;
  auto tally = std::make_shared<InferTally>();
  tally->name = model.name;
  tally->root = model.root;
  return tally;
}

void keep_key(Serving& serving, const std::string& name, const std::string& key) {
  const auto last = serving.last_keys.find(name);
  if (!last || *last != key) serving.last_keys.keep(name, std::make_shared<const std::string>(key));
}

Result<inference::Lent<LoadedTensors>> ready_tensors(ServingContext& call,
                                                     const std::string& name) {
  Context& context = call.context;
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, name));
  const std::string key = key_of(target.cid);
  keep_key(call.serving, name, key);
  if (inference::Loan kept = call.serving.find(key))
    return inference::Lent<LoadedTensors>(
        std::move(kept));  // It holds the files: none is looked at.
  ACCEL_TRY(StoredModel model, open_model(*store, name));
  const auto load = [&] { return open_tensors(call, model, tally_of(call, model)); };
  const auto demand = call.serving.demand(model, key, model.manifest.variants.front().bytes());
  ACCEL_TRY(inference::Loan loan, call.serving.models.get(demand, load, context.stop));
  inference::Lent<LoadedTensors> loaded(std::move(loan));
  const std::string root = model.root.to_string();
  if (!call.serving.tallies.find(root)) call.serving.tallies.keep(root, loaded->tally);
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

// How a request came to its end.
struct Ran {
  bool succeeded = false;
  Duration took{};
  std::vector<inference::BatchNote> notes = {};
  bool looked = false;  // For known outputs,
  bool known = false;   // and found them: nothing ran.
  Duration looking{};
};

void count_run(InferCounts& counts, const Ran& ran) {
  const auto of_ms = [](double ms) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
  };
  if (ran.notes.empty()) {  // It ran alone.
    counts.rows += 1;
    counts.executions += 1;
    counts.computing += ran.took;
  }
  for (const inference::BatchNote& note : ran.notes) {
    counts.rows += note.own_rows;
    counts.executions += 1.0 / static_cast<double>(note.requests);
    counts.queued += of_ms(note.wait_ms);
    counts.computing += of_ms(note.run_ms);
  }
}

void count(InferTally& tally, const Ran& ran) {
  const std::scoped_lock lock(tally.mutex);
  InferCounts& counts = tally.counts;
  counts.last = system_clock().wall_now();
  ++(ran.succeeded ? counts.succeeded : counts.failed);
  (ran.succeeded ? counts.total : counts.failing) += ran.took;
  if (!ran.succeeded) return;
  if (ran.looked) {
    ++(ran.known ? counts.hits : counts.misses);
    (ran.known ? counts.hitting : counts.missing) += ran.looking;
  }
  if (!ran.known) count_run(counts, ran);
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
          {"cache_hits", counts.hits},
          {"cache_hit_ns", ns(counts.hitting)},
          {"cache_misses", counts.misses},
          {"cache_miss_ns", ns(counts.missing)},
          {"last_unix_ms", std::chrono::duration_cast<std::chrono::milliseconds>(last).count()}};
}

// Of the inputs, about; a number in JSON counts as its text does at least.
std::size_t bytes_of(const json* inputs) {
  std::size_t bytes = 0;
  if (inputs == nullptr || !inputs->is_array()) return bytes;
  for (const json& input : *inputs) {
    const auto data = input.is_object() ? input.find("data") : input.end();
    if (!input.is_object() || data == input.end()) continue;
    bytes += data->is_binary() ? data->get_binary().size() : 2 * data->size();
  }
  return bytes;
}

struct InferRequest {
  std::string model;
  const json* inputs = nullptr;
  WantedOutputs wanted;
  std::string client;
  bool explain = false;
  bool cache = true;  // What was computed before need not be computed again.
  Priority priority = Priority::normal;
  std::optional<Duration> keep_alive;
};

// Nothing where a run is over sooner than outputs are looked for, mostly.
std::optional<inference::OutputUse> uses_outputs(const ServingContext& call,
                                                 const LoadedTensors& loaded,
                                                 const InferRequest& request) {
  const bool wanted = request.cache && !loaded.brief.expects_brief(bytes_of(request.inputs));
  return use_outputs(loaded, call.context.caller, wanted);
}

// Shapes that the signature leaves open can fail to fit each other inside the model: the engine's
// words tell whoever sent them where.
Error of_tensors(Error error) {
  constexpr std::size_t kMostBytes = 500;
  if (error.code != Errc::internal || error.cause.empty()) return error;
  return {Errc::invalid_argument,
          fmt::format("The model can't be run on these tensors: {}",
                      std::string_view(error.cause).substr(0, kMostBytes)),
          error.message};
}

Result<json> run_tensors(Context& context, LoadedTensors& loaded, const InferRequest& request,
                         inference::OutputUse* use, Ran& ran) {
  inference::RunOptions options{context.stop, request.client, &ran.notes};
  options.priority = request.priority;
  options.alone = loaded.brief.expects_brief(bytes_of(request.inputs));
  const SteadyTime before = context.services.clock().now();
  trace::Span span = run_span(loaded.name, loaded.root, loaded.session->info());
  const trace::Scope in(span.link());
  std::optional<inference::CachedSession> cached;
  if (use != nullptr) cached.emplace(*loaded.session, *use);
  inference::Session& session = cached ? *cached : *loaded.session;
  Result<json> outputs = infer(session, request.inputs, request.wanted, options);
  ran.took = context.services.clock().now() - before;
  ran.succeeded = outputs.has_value();
  if (!outputs) outputs = fail(of_tensors(std::move(outputs).error()));
  if (!outputs) span.fail(outputs.error());
  if (use == nullptr) return outputs;
  ran.known = use->hits() > 0;
  ran.looked = ran.known || use->misses() > 0;
  ran.looking = use->took();
  return outputs;
}

Result<json> infer_here(ServingContext& call, const InferRequest& request) {
  ACCEL_TRY(const auto loaded, ready_tensors(call, request.model));
  if (request.keep_alive) loaded.loan().keep_for(*request.keep_alive);
  auto use = uses_outputs(call, *loaded, request);
  Ran ran;
  Result<json> computed = run_tensors(call.context, *loaded, request, use ? &*use : nullptr, ran);
  if (!ran.known) loaded->brief.took(ran.took, bytes_of(request.inputs));
  count(*loaded->tally, ran);
  ACCEL_TRY(json outputs, std::move(computed));
  const inference::SessionInfo& info = loaded->session->info();
  json result;
  result["outputs"] = std::move(outputs);
  result["engine"] = info.engine;
  result["latency_ms"] = to_ms(ran.took);
  result["cached"] = ran.known;
  result["provenance"] = info.emulated ? "simulated" : "measured";
  if (request.explain) {
    result["batches"] = json_of(ran.notes);
    result["priority"] = static_cast<int>(request.priority);
  }
  return result;
}

Result<json> infer_elsewhere(ServingContext& call, const InferRequest& request,
                             const RemoteRoute& route) {
  const WantedOutputs& wanted = request.wanted;
  return infer_remotely(call, {request.inputs, wanted.names, wanted.binary, wanted.all_binary},
                        route);
}

}  // namespace

// Asked on the loop before each call, so it looks into no store: of a name that has moved since,
// the guess is that of the model before.
bool infers_briefly(Serving& serving, const json& params) {
  const auto model = params.find("model");
  const auto inputs = params.find("inputs");
  if (model == params.end() || !model->is_string() || inputs == params.end()) return false;
  const auto key = serving.last_keys.find(model->get_ref<const std::string&>());
  const auto model_in_memory = key ? serving.models.peek(*key) : nullptr;
  const auto* const loaded = dynamic_cast<const LoadedTensors*>(model_in_memory.get());
  return loaded != nullptr && loaded->brief.expects_brief(bytes_of(&*inputs));
}

Result<json> model_signature(ServingContext& call) {
  Context& context = call.context;
  const std::string name = context.params.required_text("model");
  ACCEL_TRY(const auto keep_alive, keep_alive_wish(call));
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto loaded, ready_tensors(call, name));
  if (keep_alive) loaded.loan().keep_for(*keep_alive);
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

Result<json> model_infer(ServingContext& call) {
  Context& context = call.context;
  InferRequest request;
  request.model = context.params.required_text("model");
  request.inputs = call.value("inputs");
  request.wanted.names = context.params.texts("outputs");
  request.wanted.binary = context.params.texts("binary_outputs");
  request.wanted.all_binary = context.params.flag("binary");
  request.client = context.params.text("client", {});
  request.explain = context.params.flag("explain");
  request.cache = context.params.flag("cache", true);
  ACCEL_TRY(request.keep_alive, keep_alive_wish(call));
  const RemoteWish wish = read_remote_wish(context);
  ACCEL_TRY(request.priority, priority_wish(context));
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto named, named_route(call, request.model, wish));
  if (named) return infer_elsewhere(call, request, *named);
  Result<json> result = infer_here(call, request);
  if (result) return result;
  const auto route = route_after(call, request.model, wish, result.error());
  if (!route) return result;
  Result<json> elsewhere = infer_elsewhere(call, request, *route);
  if (elsewhere) return elsewhere;
  return fail(joined(std::move(result).error(), elsewhere.error()));
}

}  // namespace accel::node
