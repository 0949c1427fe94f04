// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/hardware/machine_load.hpp"
#include "context.hpp"
#include "names/names.hpp"
#include "recorder.hpp"
#include "serving/batched.hpp"
#include "serving/fallback.hpp"
#include "serving/family_run.hpp"
#include "serving/gguf_embedding.hpp"
#include "serving/known_outputs.hpp"
#include "serving/loaded_embedder.hpp"
#include "serving/model_spans.hpp"
#include "serving/model_store.hpp"
#include "serving/remote_run.hpp"
#include "serving/selection.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::string_view kTextEmbedding = "text-embedding";
constexpr std::string_view kHintSpace = "hints";
constexpr const char* kLastEngine = "last_engine";
// A larger batch is measured by so many of its texts: the order of candidates hardly changes from
// there on, and the search must end within its budget.
constexpr std::size_t kMeasuredTexts = 8;

// Which task it is: the caller's word goes before the model's own. Errors: unsupported (names what
// can be run), invalid_argument.
Result<const models::FamilyInfo*> task_of(const RunRequest& request, const StoredModel& model) {
  const std::string& task = request.task.empty() ? model.manifest.task : request.task;
  const models::FamilyInfo* const info = models::find_family(task);
  if (task == "text-generation") {
    return fail(Errc::invalid_argument,
                "{} writes text: give it a prompt (`run {} --prompt …`), or ask for vectors (`text "
                "embed`).",
                request.model, request.model);
  }
  if (info == nullptr) {
    std::vector<std::string_view> known;
    for (const models::FamilyInfo& family : models::families()) known.push_back(family.task);
    return fail(Errc::unsupported, "The task \"{}\" can't be run yet; this version runs {}.", task,
                fmt::join(known, ", "));
  }
  const bool embeds = info->open == nullptr && embeds_by_llama(model.manifest);
  if (info->open == nullptr && model.manifest.task != task && !embeds) {
    return fail(Errc::invalid_argument, "{} is a model for {}, not for {}.", request.model,
                model.manifest.task, task);
  }
  return info;
}

// Text embedding has its own way, for its batches and the sessions that many clients share.
Status expect_only_texts(const RunRequest& request) {
  if (request.inputs.empty()) return fail(Errc::invalid_argument, "run: there is no input.");
  const bool texts_alone = request.media_kind.empty() && request.query.empty() && !request.seed &&
                           request.parameters.empty() && request.language.empty();
  if (texts_alone) return {};
  return fail(Errc::invalid_argument, "{} takes texts (--input) alone.", request.model);
}

// A model ready to run, and how it came to run this way.
struct Ready {
  inference::Lent<LoadedEmbedder> loaded;
  Selected selected;
  std::string weights_sha256;
  double load_ms = 0;  // 0 when it was kept from an earlier run.
  std::vector<inference::BatchNote> notes = {};
};

Result<std::shared_ptr<LoadedEmbedder>> load(Context& context, StoredModel& model,
                                             const Selected& selected,
                                             const std::filesystem::path& file,
                                             std::shared_ptr<const models::TextPipeline> pipeline) {
  inference::Backend* const backend = context.services.backend(selected.candidate.engine);
  if (backend == nullptr) {
    return fail(Errc::unavailable,
                "The engine {} that was chosen is no longer here; run again with --remeasure.",
                selected.candidate.engine);
  }
  trace::Span span = load_span(model.name, model.root);
  auto opened =
      backend->open(file, kept_options(context.services, session_options(selected.candidate)));
  if (!opened) span.fail(opened.error());
  ACCEL_TRY(auto session, std::move(opened));
  tell_session(span, session->info());
  inference::RowRules rows = pipeline->row_rules(*session);
  session = batched(context.services, std::move(session), model.name, std::move(rows));
  auto loaded = std::make_shared<LoadedEmbedder>(std::move(pipeline), std::move(session));
  loaded->lease = std::move(model.lease);
  loaded->name = model.name;
  loaded->root = model.root;
  loaded->bytes = model.manifest.variants.front().bytes();
  return loaded;
}

// What a live request runs on without looking further: the model that is loaded, if one is.
std::optional<Ready> ready_live(ServingContext& call, const RunRequest& request) {
  const bool embeds = request.task.empty() || request.task == kTextEmbedding;
  if (request.record || request.remeasure || !embeds || !call.serving.models.keeps() ||
      request.inputs.empty() || !request.media_kind.empty() || !request.query.empty())
    return std::nullopt;
  const auto store = call.context.services.store();
  if (!store) return std::nullopt;
  const auto target = resolve_target(**store, request.model);
  if (!target) return std::nullopt;
  // What was used last under a policy: live requests share it, whatever their lengths, for only
  // requests to one session can be batched.
  auto loaded = call.serving.models.lend<LoadedEmbedder>(
      [&, policy = request.policy.key()](const LoadedEmbedder& one) {
        return one.root == target->cid && one.choice.policy == policy;
      });
  if (!loaded) return std::nullopt;
  Ready ready;
  const KeptChoice& choice = loaded->choice;
  ready.selected = {choice.candidate, choice.key, choice.median_ms, 0, true, choice.explanation};
  ready.weights_sha256 = choice.weights_sha256;
  request.begins_on(choice.candidate.device);
  ready.loaded = std::move(loaded);
  return ready;
}

Result<Ready> make_ready(ServingContext& call, const RunRequest& request, StoredModel& model) {
  Context& context = call.context;
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  const models::Variant& variant = model.manifest.variants.front();
  Ready ready;
  ACCEL_TRY(ready.weights_sha256, weights_hash(*store, variant, model.fetcher, context.stop));
  ACCEL_TRY(const std::filesystem::path file, models::fetch_variant(variant, model.fetcher));
  // The tokenizer and its settings do not depend on the candidate.
  const auto kept = call.serving.models.look<LoadedEmbedder>(
      [&](const LoadedEmbedder& one) { return one.root == model.root; });
  auto pipeline = kept ? kept->pipeline : nullptr;
  if (!pipeline) {
    ACCEL_TRY(pipeline, models::TextPipeline::open(model.manifest, model.fetcher));
  }
  const auto measured =
      std::span(request.inputs).first(std::min(request.inputs.size(), kMeasuredTexts));
  ACCEL_TRY(const models::TextBatch batch, pipeline->prepare(measured));
  MeasuredWork work;
  work.rows = static_cast<std::uint64_t>(batch.input_ids.shape()[0]);
  work.length = static_cast<std::uint64_t>(batch.input_ids.shape()[1]);
  work.calls = static_cast<double>(request.inputs.size()) / static_cast<double>(measured.size());
  work.run = [&](inference::Session& session, const inference::RunOptions& options) {
    return pipeline->run(session, batch, options);
  };
  SelectionRequest selection{.variant = &variant,
                             .files = {file},
                             .weights_sha256 = ready.weights_sha256,
                             .task = std::string(kTextEmbedding),
                             .policy = request.policy,
                             .remeasure = request.remeasure,
                             .falls_back = request.falls_back,
                             .work = &work,
                             .pool = &call.serving.models};
  ACCEL_TRY(ready.selected, select_candidate(context, selection));
  const auto open = [&]() -> Result<std::shared_ptr<inference::PooledModel>> {
    ACCEL_TRY(auto loaded, load(context, model, ready.selected, file, pipeline));
    loaded->outputs = own_outputs(call.serving.outputs, loaded->embedder->session());
    loaded->choice = {request.policy.key(), ready.weights_sha256,     ready.selected.candidate,
                      ready.selected.key,   ready.selected.median_ms, ready.selected.explanation};
    return loaded;
  };
  request.begins_on(ready.selected.candidate.device);
  const std::string key = fmt::format("embed {} {}", model.root, ready.selected.candidate.id());
  const auto demand = call.serving.demand(model, key, variant.bytes(),
                                          opening_bytes(ready.selected.candidate, variant.bytes()));
  ACCEL_TRY(inference::Loan loan, call.serving.models.get(demand, open, context.stop));
  ready.load_ms = loan.load_ms();
  ready.loaded = inference::Lent<LoadedEmbedder>(std::move(loan));
  return ready;
}

// The engine of the last run is likely to be this one's: its library loads while the model is
// found.
void load_last_engine(Services& services, const blockstore::Store& store) {
  if (services.is_daemon()) return;
  if (const auto last = store.kv_get(kHintSpace, kLastEngine); last && *last)
    services.load_early(**last);
}

void remember_engine(Services& services, blockstore::Store& store, const std::string& engine) {
  if (services.is_daemon()) return;
  if (const auto last = store.kv_get(kHintSpace, kLastEngine); last && *last == engine) return;
  (void)store.kv_put(kHintSpace, kLastEngine, engine);  // A read-only home does without.
}

// One call from texts to vectors. In a daemon, latency that has left the remembered figure for good
// lets the next run measure again; only calls of the size that was measured can be compared.
Result<models::Embeddings> timed_embed(Context& context, const RunRequest& request, Ready& ready,
                                       double& latency_ms) {
  const Clock& clock = context.services.clock();
  const bool compares = context.services.is_daemon() && ready.selected.calls == 1;
  DriftWatch& drift = ready.loaded->drift;
  if (!ready.selected.remembered) drift.measured(ready.selected.key);
  DriftWatch::Call call(drift);
  const auto load_before = compares ? hardware::read_load() : hardware::LoadReading();
  const LoadedEmbedder& loaded = *ready.loaded;
  trace::Span span = run_span(loaded.name, loaded.root, loaded.embedder->session().info());
  span.set("gen_ai.operation.name", "embeddings").set("accel.texts", request.inputs.size());
  const trace::Scope in(span.link());
  auto use = use_outputs(loaded, context.caller, may_know(request));
  const SteadyTime before = clock.now();
  auto embedded = loaded.embedder->embed(request.inputs,
                                         {.stop = context.stop,
                                          .client = request.client,
                                          .notes = request.explain ? &ready.notes : nullptr,
                                          .priority = request.priority},
                                         use ? &*use : nullptr);
  if (!embedded) span.fail(embedded.error());
  ACCEL_TRY(models::Embeddings embeddings, std::move(embedded));
  span.set("accel.texts.known", embeddings.known);
  span.end();
  latency_ms = to_ms(clock.now() - before);
  if (!compares || embeddings.known > 0) return embeddings;
  const auto load = hardware::load_between(load_before, hardware::read_load());
  const bool drifted = call.drifted(ready.selected.key, ready.selected.median_ms, latency_ms,
                                    load ? load->value() : 0);
  if (drifted) forget_choice(context.services, ready.selected.key);
  return embeddings;
}

json result_of(const Ready& ready, const models::Embeddings& embeddings, double latency_ms) {
  const inference::SessionInfo& info = ready.loaded->embedder->session().info();
  std::size_t tokens = 0;
  for (const std::size_t count : embeddings.tokens) tokens += count;
  json result = run_facts(info, ready.selected);
  result["embeddings"] = embeddings.vectors;
  result["dimension"] = embeddings.vectors.empty() ? 0 : embeddings.vectors.front().size();
  result["model"] = {{"name", ready.loaded->name},
                     {"cid", ready.loaded->root.to_string()},
                     {"weights_sha256", ready.weights_sha256}};
  result["task"] = kTextEmbedding;
  result["tokens"] = tokens;
  result["truncated"] = embeddings.cut.size();
  for (const std::size_t index : embeddings.cut)
    result["cut"].push_back({{"input", index}, {"limit", embeddings.tokens[index]}});
  result["cached"] = embeddings.known;
  result["latency_ms"] = latency_ms;
  result["load_ms"] = ready.load_ms;
  return result;
}

Result<json> run_ready_model(Context& context, const RunRequest& request, Ready ready,
                             SteadyTime started) {
  double latency_ms = 0;
  if (request.keep_alive) ready.loaded.loan().keep_for(*request.keep_alive);
  ACCEL_TRY(const models::Embeddings embeddings, timed_embed(context, request, ready, latency_ms));
  const SteadyTime after = context.services.clock().now();
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  remember_engine(context.services, *store, ready.selected.candidate.engine);
  json result = result_of(ready, embeddings, latency_ms);
  result["total_ms"] = to_ms(after - started);
  if (request.explain) {
    result["priority"] = static_cast<int>(request.priority);
    result["selection"] = ready.selected.explanation;
    result["batches"] = json_of(ready.notes);
  }
  return result;
}

Result<json> run_found_model(ServingContext& call, const RunRequest& request, StoredModel& model,
                             SteadyTime started) {
  ACCEL_TRY(Ready ready, make_ready(call, request, model));
  return run_ready_model(call.context, request, std::move(ready), started);
}

// A model may do for another task than it says, and mostly does not: then it is said what it is
// for, before what some file or tensor lacks.
Error of_another_task(Error error, const RunRequest& request, const StoredModel& model) {
  const bool other = !request.task.empty() && request.task != model.manifest.task;
  const bool of_the_model = error.code == Errc::unsupported || error.code == Errc::not_found ||
                            error.code == Errc::corrupt || error.code == Errc::internal;
  if (!other || !of_the_model) return error;
  error.code = Errc::invalid_argument;
  error.message = fmt::format("{} is a model for {}, not for {}: {}", request.model,
                              model.manifest.task, request.task, error.message);
  return error;
}

json timed(ServingContext& call, json result, SteadyTime started) {
  result["total_ms"] = to_ms(call.context.services.clock().now() - started);
  return result;
}

// By the task: a family of the table, or text embedding.
Result<json> run_by_task(ServingContext& call, const RunRequest& request, StoredModel& model,
                         const models::FamilyInfo& info, SteadyTime started) {
  if (info.open != nullptr) {
    auto ran = run_family(call, request, model, info);
    if (!ran) return fail(of_another_task(std::move(ran).error(), request, model));
    return timed(call, *std::move(ran), started);
  }
  ACCEL_CHECK(expect_only_texts(request));
  if (!embeds_by_llama(model.manifest)) return run_found_model(call, request, model, started);
  ACCEL_TRY(json result, embed_by_llama(call, request, model));
  return timed(call, std::move(result), started);
}

// Of all families, endpoints are asked for embeddings of texts.
Result<json> run_remotely(ServingContext& call, const RunRequest& request, const RemoteRoute& route,
                          SteadyTime started) {
  if (!request.task.empty() && request.task != kTextEmbedding)
    return fail(Errc::unsupported, "An endpoint can be asked for {}, not for {}.", kTextEmbedding,
                request.task);
  if (!request.media_kind.empty())
    return fail(Errc::unsupported,
                "An endpoint can be asked for embeddings of texts, not about the {} that was "
                "given: run a model of this node on it.",
                request.media_kind == "file" ? "file" : request.media_kind);
  ACCEL_CHECK(expect_only_texts(request));
  ACCEL_TRY(json result, embed_remotely(call, request.inputs, route));
  result["total_ms"] = to_ms(call.context.services.clock().now() - started);
  if (request.record) record_remote(call.context, result);
  return result;
}

// As ready_live(), for a model of llama.cpp.
std::optional<Result<json>> run_live_gguf(ServingContext& call, const RunRequest& request,
                                          SteadyTime started) {
  if (request.record || request.task != kTextEmbedding || !expect_only_texts(request))
    return std::nullopt;
  auto result = embed_by_loaded_llama(call, request);
  if (result && *result) return timed(call, **std::move(result), started);
  return result;
}

// Once, as the request's policy says. `task` is told when the model is found.
Result<json> run_once(ServingContext& call, const RunRequest& request, SteadyTime started,
                      std::string_view& task) {
  Context& context = call.context;
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  if (auto ready = ready_live(call, request))
    return run_ready_model(context, request, std::move(*ready), started);
  if (auto result = run_live_gguf(call, request, started)) return *std::move(result);
  load_last_engine(context.services, *store);
  ACCEL_TRY(StoredModel model, open_or_pull_model(context, *store, request.model));
  ACCEL_TRY(const models::FamilyInfo* const info, task_of(request, model));
  task = info->task;
  return run_by_task(call, request, model, *info, started);
}

Result<json> run_here(ServingContext& call, RunRequest& request, SteadyTime started) {
  Context& context = call.context;
  std::string_view task;
  const auto attempt = [&] { return run_once(call, request, started, task); };
  Result<json> result = run_or_fall_back(call, request, attempt);
  if (!request.record || task.empty()) return result;
  if (result) {
    record_run(context, std::max<std::size_t>(request.inputs.size(), 1), *result);
  } else {
    const Duration took = context.services.clock().now() - started;
    record_failed_run(context, task, took, result.error());
  }
  return result;
}

}  // namespace

Result<json> run_model(ServingContext& call) {
  const SteadyTime started = call.context.services.clock().now();
  ACCEL_TRY(RunRequest request, read_run_request(call));
  ACCEL_TRY(const auto named, named_route(call, request.model, request.remote));
  if (named) return run_remotely(call, request, *named, started);
  Result<json> result = run_here(call, request, started);
  if (result || request.inputs.empty()) return result;
  const auto route = route_after(call, request.model, request.remote, result.error());
  if (!route) return result;
  Result<json> elsewhere = run_remotely(call, request, *route, started);
  if (elsewhere) return elsewhere;
  return fail(joined(std::move(result).error(), elsewhere.error()));
}

}  // namespace accel::node
