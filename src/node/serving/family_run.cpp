// SPDX-License-Identifier: Apache-2.0
#include "serving/family_run.hpp"

#include <algorithm>

#include "accel/inference/cached_session.hpp"
#include "accel/ipld/multibase.hpp"
#include "serving/batched.hpp"
#include "serving/known_outputs.hpp"
#include "serving/model_spans.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

json json_of(const models::Finding& finding) {
  json row{{"score", finding.score}};
  if (!finding.label.empty()) row["label"] = finding.label;
  if (!finding.text.empty()) row["text"] = finding.text;
  if (finding.index) row["index"] = *finding.index;
  if (finding.bytes) {
    row["start"] = (*finding.bytes)[0];
    row["end"] = (*finding.bytes)[1];
  }
  if (finding.seconds) {
    row["start"] = (*finding.seconds)[0];
    row["end"] = (*finding.seconds)[1];
  }
  if (const auto& box = finding.box) {
    row["box"] = {
        {"xmin", box->left}, {"ymin", box->top}, {"xmax", box->right}, {"ymax", box->bottom}};
  }
  for (const models::Point& corner : finding.polygon)
    row["polygon"].push_back({corner.x, corner.y});
  for (const auto& [name, point] : finding.keypoints) row["keypoints"][name] = {point.x, point.y};
  return row;
}

json json_of(const std::vector<std::vector<models::Finding>>& rows) {
  json list = json::array();
  for (const auto& findings : rows) {
    json& row = list.emplace_back(json::array());
    for (const models::Finding& finding : findings) row.push_back(json_of(finding));
  }
  return list;
}

// Instead of results: what was said, as text and in segments.
void add_transcript(const models::Transcript& transcript, json& result) {
  json segments = json::array();
  for (const models::TranscriptSegment& segment : transcript.segments) {
    segments.push_back({{"start", segment.start},
                        {"end", segment.end},
                        {"text", segment.text},
                        {"tokens", segment.tokens},
                        {"seek", segment.seek},
                        {"avg_logprob", segment.mean_log_probability},
                        {"no_speech_prob", segment.no_speech_probability},
                        {"compression_ratio", segment.compression_ratio}});
  }
  result["text"] = transcript.text;
  result["language"] = transcript.language;
  result["duration_s"] = transcript.seconds;
  result["segments"] = std::move(segments);
}

// The first variant that is a graph of tensors.
Result<const models::Variant*> onnx_variant(const StoredModel& model) {
  const auto& variants = model.manifest.variants;
  const auto found = std::ranges::find(variants, "onnx", &models::Variant::format);
  if (found != variants.end()) return &*found;
  return fail(Errc::unsupported, "{} has no ONNX file; the task wants one.", model.name);
}

Result<std::shared_ptr<LoadedFamily>> load(Context& context, StoredModel& model,
                                           const Selected& selected,
                                           const inference::GraphFiles& files) {
  inference::Backend* const backend = context.services.backend(selected.candidate.engine);
  if (backend == nullptr) {
    return fail(Errc::unavailable,
                "The engine {} that was chosen is no longer here; run again with --remeasure.",
                selected.candidate.engine);
  }
  auto loaded = std::make_shared<LoadedFamily>();
  const auto options = kept_options(context.services, session_options(selected.candidate));
  trace::Span span = load_span(model.name, model.root);
  auto opened = inference::open_graphs(*backend, files, options);
  if (!opened) span.fail(opened.error());
  ACCEL_TRY(loaded->session, std::move(opened));
  tell_session(span, loaded->session->info());
  loaded->lease = std::move(model.lease);
  loaded->name = model.name;
  loaded->root = model.root;
  return loaded;
}

// One request of one model, step by step.
class FamilyRun {
 public:
  FamilyRun(ServingContext& call, const RunRequest& request, StoredModel& model,
            const models::FamilyInfo& info)
      : call_(call), context_(call.context), request_(request), model_(model), info_(info) {}

  Result<json> run() {
    const SteadyTime started = now();
    ACCEL_CHECK(prepare());
    const double prepare_ms = since(started);
    ACCEL_CHECK(select());
    ACCEL_CHECK(make_ready());
    const SteadyTime before = now();
    ACCEL_TRY(const models::FamilyResult found, compute());
    json result = run_facts(loaded_->session->info(), selected_);
    result["latency_ms"] = since(before);
    result["prepare_ms"] = prepare_ms;
    result["load_ms"] = load_ms_;
    result["task"] = info_.task;
    result["takes"] = info_.takes;
    if (found.transcript) {
      add_transcript(*found.transcript, result);
    } else {
      result["results"] = json_of(found.rows);
    }
    if (found.media) {
      result["media"] = {{"type", found.media->type},
                         {"data", ipld::base_encode(ipld::Multibase::base64, found.media->bytes)}};
    }
    result["tokens"] = found.tokens;
    result["truncated"] = found.truncated;
    result["cached"] = runs_known_;
    result["model"] = {{"name", loaded_->name},
                       {"cid", loaded_->root.to_string()},
                       {"weights_sha256", weights_sha256_}};
    if (request_.explain) {
      result["priority"] = static_cast<int>(request_.priority);
      result["selection"] = selected_.explanation;
      result["batches"] = node::json_of(notes_);
    }
    return result;
  }

 private:
  Result<models::FamilyResult> compute() {
    trace::Span span = run_span(loaded_->name, loaded_->root, loaded_->session->info());
    span.set("accel.task", info_.task);
    const trace::Scope in(span.link());
    auto found = run_on_session({.stop = context_.stop,
                                 .client = request_.client,
                                 .notes = &notes_,
                                 .priority = request_.priority});
    if (!found) span.fail(found.error());
    return found;
  }
  Result<models::FamilyResult> run_on_session(const inference::RunOptions& options) {
    auto use = use_outputs(*loaded_, context_.caller, info_.one_pass && may_know(request_));
    if (!use) return workload_->run(*loaded_->session, options);
    inference::CachedSession session(*loaded_->session, *use);
    auto found = workload_->run(session, options);
    runs_known_ = use->hits();
    return found;
  }
  SteadyTime now() const { return context_.services.clock().now(); }
  double since(SteadyTime before) const { return to_ms(now() - before); }

  // What was kept of the model spares its files; the input is decoded once for all trials.
  Status prepare() {
    const auto kept = call_.serving.models.look<LoadedFamily>([&](const LoadedFamily& loaded) {
      return loaded.root == model_.root && loaded.task == info_.task;
    });
    if (kept) family_ = kept->family;
    if (!family_) {
      ACCEL_TRY(family_, info_.open(model_.manifest, model_.fetcher));
    }
    ACCEL_TRY(workload_, family_->prepare({.texts = request_.inputs,
                                           .query = request_.query,
                                           .media_kind = request_.media_kind,
                                           .media = request_.media,
                                           .top_k = request_.top_k,
                                           .seed = request_.seed,
                                           .parameters = request_.parameters,
                                           .language = request_.language}));
    return {};
  }

  Status select() {
    ACCEL_TRY(blockstore::Store* const store, context_.services.store());
    ACCEL_TRY(variant_, onnx_variant(model_));
    ACCEL_TRY(weights_sha256_, weights_hash(*store, *variant_, model_.fetcher, context_.stop));
    ACCEL_TRY(files_, models::fetch_graphs(*variant_, model_.fetcher));
    const auto sample = workload_->sample();
    const models::Workload& tried = sample ? *sample->workload : *workload_;
    MeasuredWork work;
    work.rows = tried.rows();
    work.length = tried.length();
    if (sample) work.calls = sample->calls;
    work.run = [&tried](inference::Session& session,
                        const inference::RunOptions& options) -> Result<Vectors> {
      ACCEL_TRY(models::FamilyResult result, tried.run(session, options));
      return std::move(result.numbers);
    };
    const SelectionRequest selection{.variant = variant_,
                                     .files = files_,
                                     .weights_sha256 = weights_sha256_,
                                     .task = std::string(info_.task),
                                     .policy = request_.policy,
                                     .remeasure = request_.remeasure,
                                     .falls_back = request_.falls_back,
                                     .work = &work,
                                     .pool = &call_.serving.models};
    ACCEL_TRY(selected_, select_candidate(context_, selection));
    return {};
  }

  Status make_ready() {
    request_.begins_on(selected_.candidate.device);
    const std::string key =
        fmt::format("{} {} {}", model_.root.to_string(), info_.task, selected_.candidate.id());
    const auto open = [this] { return load_family(); };
    const auto demand = call_.serving.demand(model_, key, variant_->bytes(),
                                             opening_bytes(selected_.candidate, variant_->bytes()));
    ACCEL_TRY(inference::Loan loan, call_.serving.models.get(demand, open, context_.stop));
    if (request_.keep_alive) loan.keep_for(*request_.keep_alive);
    load_ms_ = loan.load_ms();
    loaded_ = inference::Lent<LoadedFamily>(std::move(loan));
    return {};
  }

  Result<std::shared_ptr<inference::PooledModel>> load_family() {
    ACCEL_TRY(std::shared_ptr<LoadedFamily> loaded, load(context_, model_, selected_, files_));
    if (auto rows = family_->row_rules(*loaded->session)) {
      loaded->session =
          batched(context_.services, std::move(loaded->session), loaded->name, std::move(*rows));
    }
    loaded->task = info_.task;
    loaded->family = family_;
    loaded->bytes = variant_->bytes();
    loaded->outputs = own_outputs(call_.serving.outputs, *loaded->session);
    return loaded;
  }

  ServingContext& call_;
  Context& context_;
  const RunRequest& request_;
  StoredModel& model_;
  const models::FamilyInfo& info_;
  std::shared_ptr<const models::Family> family_;  // Outlives the workload.
  std::unique_ptr<models::Workload> workload_;
  const models::Variant* variant_ = nullptr;
  std::string weights_sha256_;
  inference::GraphFiles files_;
  Selected selected_;
  inference::Lent<LoadedFamily> loaded_;
  std::vector<inference::BatchNote> notes_;
  double load_ms_ = 0;          // 0 when it was kept from an earlier run.
  std::size_t runs_known_ = 0;  // Of the graph, whose outputs were kept.
};

}  // namespace

json run_facts(const inference::SessionInfo& info, const Selected& selected) {
  return {{"engine", info.engine},
          {"engine_version", info.version},
          {"device", info.device},
          {"precision", info.precision},
          {"threads", info.threads},
          {"emulated", info.emulated},
          {"untested", info.untested.empty() ? json() : json(info.untested)},
          {"weights_loaded", info.load},
          {"provenance", info.emulated ? "simulated" : "measured"},
          {"why", selected.explanation.value("reason", std::string())},
          {"choice", selected.remembered ? "remembered" : "measured now"}};
}

Result<json> run_family(ServingContext& call, const RunRequest& request, StoredModel& model,
                        const models::FamilyInfo& info) {
  return FamilyRun(call, request, model, info).run();
}

Result<json> models_families(Context& context) {
  ACCEL_CHECK(context.params.finish());
  json rows = json::array();
  for (const models::FamilyInfo& info : models::families()) {
    json tested = json::array();
    for (const models::FamilyEvidence& evidence : models::family_evidence()) {
      if (evidence.task != info.task) continue;
      tested.push_back({{"model", evidence.model},
                        {"cid", evidence.cid},
                        {"licence", evidence.licence},
                        {"engine", evidence.engine},
                        {"reference", evidence.reference},
                        {"agreement", evidence.agreement}});
    }
    rows.push_back({{"task", info.task},
                    {"takes", info.takes},
                    {"returns", info.returns},
                    {"tested", std::move(tested)}});
  }
  return json{{"families", std::move(rows)}};
}

}  // namespace accel::node
