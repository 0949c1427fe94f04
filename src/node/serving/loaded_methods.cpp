// SPDX-License-Identifier: Apache-2.0
// models.loaded, models.load and models.unload: what is in memory, and what should be.
#include <nlohmann/json.hpp>

#include "accel/core/clock.hpp"
#include "accel/inference/session.hpp"
#include "accel/models/family.hpp"
#include "names/names.hpp"
#include "serving/family_run.hpp"
#include "serving/keep_alive.hpp"
#include "serving/loaded_embedder.hpp"
#include "serving/loaded_tensors.hpp"
#include "serving/loaded_text.hpp"
#include "serving/model_store.hpp"
#include "serving/sample_input.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

std::string at_time(const Clock& clock, SteadyTime time) {
  const auto since = std::chrono::duration_cast<WallTime::duration>(time - clock.now());
  return to_rfc3339(clock.wall_now() + since);
}

// What the pool knows of it.
void add_pool_facts(const inference::PoolEntry& entry, const Clock& clock, json& row) {
  row["memory_bytes"] = entry.bytes;
  row["memory_known"] = entry.bytes > entry.declared ? "measured" : "weights and context";
  row["load_ms"] = entry.load_ms;
  row["busy"] = entry.busy;
  row["pinned"] = entry.is_pinned();
  row["last_used"] = at_time(clock, entry.last_use);
  if (entry.is_pinned()) return;
  // While it is busy, what it would be if its calls ended now.
  const SteadyTime from = entry.busy > 0 ? clock.now() : entry.last_use;
  row["expires_at"] = at_time(clock, from + entry.keep_alive);
}

std::string task_of(const StoredModel& model) {
  const bool runs = models::find_family(model.manifest.task) != nullptr;
  return runs ? model.manifest.task : std::string();
}

// By what its task would do on its first request; tensors where this node knows no task of it.
Result<json> load_by_task(ServingContext& call, const std::string& name, const std::string& task,
                          json params) {
  const bool tensors = task.empty();
  params["model"] = name;
  if (!tensors) params["record"] = false;
  if (task == "text-generation") {
    params.update({{"prompt", "a"}, {"max_tokens", 1}, {"reuse_prefix", false}});
  } else if (!tensors) {
    params.update(sample_input(*models::find_family(task)));
    params["cache"] = false;
  }
  const auto method = tensors                     ? "model.signature"
                      : task == "text-generation" ? "text.generate"
                                                  : "run";
  Params reader(method, params);
  const EventSink nobody;  // Wants what is written.
  Context context{call.context.services, reader, nobody, call.context.stop, call.context.caller};
  ServingContext inner{context, call.serving, params};
  if (tensors) return model_signature(inner);
  return task == "text-generation" ? text_generate(inner) : run_model(inner);
}

// Of what was used since then, if a time is given.
json rows_of(ServingContext& call, const ipld::Cid* root, SteadyTime since = {}) {
  json rows = json::array();
  for (const inference::PoolRow& row : call.serving.models.rows()) {
    const auto* const loaded = dynamic_cast<const Loaded*>(row.model.get());
    if (loaded == nullptr || (root != nullptr && loaded->root != *root)) continue;
    if (row.entry.last_use < since) continue;
    json& added = rows.emplace_back(loaded->row());
    add_pool_facts(row.entry, call.context.services.clock(), added);
  }
  return rows;
}

}  // namespace

json Loaded::session_row(std::string_view task, const inference::SessionInfo& session) const {
  return {{"name", name},
          {"cid", root.to_string()},
          {"task", task},
          {"engine", session.engine},
          {"device", session.device},
          {"precision", session.precision},
          {"threads", session.threads},
          {"bytes", bytes}};
}

json LoadedEmbedder::row() const {
  json row = session_row("text-embedding", embedder->session().info());
  row["policy"] = choice.policy;
  return row;
}

json LoadedTensors::row() const { return session_row("tensors", session->info()); }

json LoadedFamily::row() const { return session_row(task, session->info()); }

json LoadedText::row() const {
  const inference::LlamaModel& model = generator->model();
  const inference::LlamaModelInfo& info = model.info();
  const inference::LlamaModel::Load load = model.load();
  return {{"name", name},
          {"cid", root.to_string()},
          {"task", "text-generation"},
          {"engine", info.engine},
          {"device", info.device},
          {"precision", precision},
          {"threads", info.threads},
          {"bytes", bytes},
          {"family", info.architecture},
          {"parameters", info.parameters},
          {"context", info.context},
          {"kv_cache", info.kv_type},
          {"kv_bytes", info.kv_bytes},
          {"draft", draft},
          {"parallel", info.parallel},
          {"running", load.running},
          {"waiting", load.waiting},
          {"kept_tokens", load.kept_tokens},
          {"loaded_at", to_rfc3339(loaded_at)}};
}

Result<json> models_loaded(ServingContext& call) {
  ACCEL_CHECK(call.context.params.finish());
  return json{{"models", rows_of(call, nullptr)},
              {"budget_bytes", call.serving.models.budget_bytes()}};
}

Result<json> models_load(ServingContext& call) {
  Context& context = call.context;
  const std::string name = context.params.required_text("model");
  const json* const keep_alive = call.value("keep_alive");
  const bool tensors = context.params.flag("tensors");
  const json* const room = call.value("context");
  ACCEL_CHECK(context.params.finish());
  if (!context.services.is_daemon()) {
    return fail(Errc::unavailable,
                "A model stays in the memory of a daemon, and none runs on this home. Start one: "
                "ipfs-accelerate daemon");
  }
  ACCEL_CHECK(keep_alive_of(keep_alive));
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const StoredModel model, open_or_pull_model(context, *store, name));
  json params = json::object();
  if (keep_alive != nullptr) params["keep_alive"] = *keep_alive;
  if (room != nullptr) params["context"] = *room;  // Whoever writes no text refuses it.
  const SteadyTime started = context.services.clock().now();
  ACCEL_TRY(const json done,
            load_by_task(call, name, tensors ? std::string() : task_of(model), std::move(params)));
  return json{{"models", rows_of(call, &model.root, started)}};
}

Result<json> models_unload(ServingContext& call) {
  Context& context = call.context;
  const std::string name = context.params.required_text("model");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, name));
  const auto gone = call.serving.models.drop([&](const inference::PooledModel& model) {
    const auto* const loaded = dynamic_cast<const Loaded*>(&model);
    return loaded != nullptr && loaded->root == target.cid;
  });
  return json{{"unloaded", gone}};
}

}  // namespace accel::node
