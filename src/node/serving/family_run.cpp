// SPDX-License-Identifier: Apache-2.0
#include "serving/family_run.hpp"

#include <algorithm>

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

// The first variant that is a graph of tensors.
Result<const models::Variant*> onnx_variant(const StoredModel& model) {
  const auto& variants = model.manifest.variants;
  const auto found = std::ranges::find(variants, "onnx", &models::Variant::format);
  if (found != variants.end()) return &*found;
  return fail(Errc::unsupported, "{} has no ONNX file; the task wants one.", model.name);
}

Result<std::shared_ptr<LoadedFamily>> load(Context& context, StoredModel& model,
                                           const Selected& selected,
                                           const std::filesystem::path& file) {
  inference::Backend* const backend = context.services.backend(selected.candidate.engine);
  if (backend == nullptr) {
    return fail(Errc::unavailable,
                "The engine {} that was chosen is no longer here; run again with --remeasure.",
                selected.candidate.engine);
  }
  auto loaded = std::make_shared<LoadedFamily>();
  ACCEL_TRY(loaded->session, backend->open(file, session_options(selected.candidate)));
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
    ACCEL_TRY(const models::FamilyResult found,
              workload_->run(*loaded_->session, {context_.stop, request_.client, nullptr}));
    json result = run_facts(loaded_->session->info(), selected_);
    result["latency_ms"] = since(before);
    result["prepare_ms"] = prepare_ms;
    result["load_ms"] = load_ms_;
    result["task"] = info_.task;
    result["takes"] = info_.takes;
    result["results"] = json_of(found.rows);
    result["tokens"] = found.tokens;
    result["truncated"] = found.truncated;
    result["model"] = {{"name", loaded_->name},
                       {"cid", loaded_->root.to_string()},
                       {"weights_sha256", weights_sha256_}};
    if (request_.explain) result["selection"] = selected_.explanation;
    return result;
  }

 private:
  SteadyTime now() const { return context_.services.clock().now(); }
  double since(SteadyTime before) const { return to_ms(now() - before); }

  // What was kept of the model spares its files; the input is decoded once for all trials.
  Status prepare() {
    const std::string root = model_.root.to_string();
    for (const auto& kept : call_.serving.families.all()) {
      if (kept->root.to_string() == root && kept->task == info_.task) family_ = kept->family;
    }
    if (!family_) {
      ACCEL_TRY(family_, info_.open(model_.manifest, model_.fetcher));
    }
    ACCEL_TRY(workload_, family_->prepare({.texts = request_.inputs,
                                           .query = request_.query,
                                           .media_kind = request_.media_kind,
                                           .media = request_.media,
                                           .top_k = request_.top_k}));
    return {};
  }

  Status select() {
    ACCEL_TRY(blockstore::Store* const store, context_.services.store());
    ACCEL_TRY(variant_, onnx_variant(model_));
    ACCEL_TRY(weights_sha256_, weights_hash(*store, *variant_, model_.fetcher, context_.stop));
    ACCEL_TRY(file_, models::fetch_variant(*variant_, model_.fetcher));
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
                                     .model_file = file_,
                                     .weights_sha256 = weights_sha256_,
                                     .task = std::string(info_.task),
                                     .policy = request_.policy,
                                     .remeasure = request_.remeasure,
                                     .work = &work};
    ACCEL_TRY(selected_, select_candidate(context_, selection));
    return {};
  }

  Status make_ready() {
    const std::string key =
        fmt::format("{} {} {}", model_.root.to_string(), info_.task, selected_.candidate.id());
    Kept<LoadedFamily>& kept = call_.serving.families;
    if ((loaded_ = kept.find(key))) return {};
    ACCEL_TRY(const auto turn, context_.services.loading().take(context_.stop));
    if ((loaded_ = kept.find(key))) return {};  // Loaded while this one waited.
    const SteadyTime before = now();
    ACCEL_TRY(loaded_, load(context_, model_, selected_, file_));
    load_ms_ = since(before);
    loaded_->task = info_.task;
    loaded_->family = family_;
    loaded_->bytes = variant_->bytes();
    kept.keep(key, loaded_);
    return {};
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
  std::filesystem::path file_;
  Selected selected_;
  std::shared_ptr<LoadedFamily> loaded_;
  double load_ms_ = 0;  // 0 when it was kept from an earlier run.
};

}  // namespace

json run_facts(const inference::SessionInfo& info, const Selected& selected) {
  return {{"engine", info.engine},
          {"engine_version", info.version},
          {"device", info.device},
          {"precision", info.precision},
          {"threads", info.threads},
          {"emulated", info.emulated},
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
