// SPDX-License-Identifier: Apache-2.0
// replicate.add, replicate.list, replicate.remove: copies of roots at other nodes.
#include <nlohmann/json.hpp>

#include "context.hpp"
#include "names/names.hpp"
#include "peers/replicas.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxCopies = 64;

Result<Replicas*> replicas_of(Context& context) {
  if (!context.services.has_swarm()) {
    return needs_daemon("A copy at another node");
  }
  return context.services.replicas();
}

}  // namespace

Result<json> replicate_add(Context& context) {
  const std::string text = context.params.required_text("target");
  const auto copies = context.params.integer_in("copies", 2, 1, kMaxCopies);
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, text));
  ACCEL_TRY(Replicas* const replicas, replicas_of(context));
  const auto on_step = [&context](const json& step) { context.progress(step); };
  return replicas->replicator().add(target.root, static_cast<std::size_t>(copies), context.stop,
                                    on_step);
}

Result<json> replicate_list(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(Replicas* const replicas, replicas_of(context));
  ACCEL_TRY(json result, replicas->replicator().list());
  json kept = json::array();
  for (const exchange::KeptReplica& replica : replicas->keeper().kept()) {
    kept.push_back({{"cid", replica.root.to_string()},
                    {"askers", replica.askers},
                    {"bytes", replica.bytes},
                    {"state", exchange::replica_state_name(replica.state)}});
  }
  result["kept_for_others"] = std::move(kept);
  return result;
}

Result<json> replicate_remove(Context& context) {
  const std::string text = context.params.required_text("target");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, text));
  ACCEL_TRY(Replicas* const replicas, replicas_of(context));
  return replicas->replicator().remove(target.root, context.stop);
}

}  // namespace accel::node
