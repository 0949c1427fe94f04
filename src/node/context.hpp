// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a method handler gets, and the table that names them. One Context per call, on the calling
// thread.

#include <nlohmann/json.hpp>
#include <stop_token>

#include "accel/node/node.hpp"
#include "params.hpp"
#include "services.hpp"

namespace accel::node {

struct Context {
  Services& services;
  Params& params;
  const EventSink& on_event;
  std::stop_token stop;
  const Caller& caller;

  void progress(const nlohmann::json& step) const {
    if (on_event) on_event(Event{&step, {}});
  }
};

// Of a daemon alone: one code and one sentence for all that need one.
inline tl::unexpected<Error> needs_daemon(std::string_view what) {
  return fail(Errc::unavailable,
              "{} needs a daemon that meets peers, and none runs on this home. Start one: "
              "ipfs-accelerate daemon --swarm",
              what);
}

using Handler = Result<nlohmann::json> (*)(Context&);

// One function per method; node.cpp has the table of names and docs/api.md for parameters and
// results.
Result<nlohmann::json> content_add(Context& context);
Result<nlohmann::json> content_get(Context& context);
Result<nlohmann::json> content_cat(Context& context);
Result<nlohmann::json> content_tar(Context& context);
Result<nlohmann::json> content_ls(Context& context);
Result<nlohmann::json> content_pull(Context& context);
Result<nlohmann::json> content_tensors(Context& context);
Result<nlohmann::json> content_adopt(Context& context);
Result<nlohmann::json> dag_import(Context& context);
Result<nlohmann::json> dag_export(Context& context);
Result<nlohmann::json> dag_stat(Context& context);
Result<nlohmann::json> dag_get(Context& context);
Result<nlohmann::json> dag_put(Context& context);
Result<nlohmann::json> dag_diff(Context& context);
Result<nlohmann::json> bitswap_stat(Context& context);
Result<nlohmann::json> network_analytics(Context& context);
Result<nlohmann::json> network_prefetch(Context& context);
Result<nlohmann::json> network_topology(Context& context);
Result<nlohmann::json> replicate_add(Context& context);
Result<nlohmann::json> replicate_list(Context& context);
Result<nlohmann::json> replicate_remove(Context& context);
Result<nlohmann::json> node_id(Context& context);
Result<nlohmann::json> swarm_connect(Context& context);
Result<nlohmann::json> swarm_disconnect(Context& context);
Result<nlohmann::json> swarm_peers(Context& context);
Result<nlohmann::json> swarm_ping(Context& context);
Result<nlohmann::json> swarm_perf(Context& context);
Result<nlohmann::json> swarm_make_key(Context& context);
Result<nlohmann::json> api_keys_create(Context& context);
Result<nlohmann::json> api_keys_list(Context& context);
Result<nlohmann::json> api_keys_revoke(Context& context);
Result<nlohmann::json> block_get(Context& context);
Result<nlohmann::json> block_put(Context& context);
Result<nlohmann::json> block_stat(Context& context);
Result<nlohmann::json> pin_add(Context& context);
Result<nlohmann::json> pin_rm(Context& context);
Result<nlohmann::json> pin_ls(Context& context);
Result<nlohmann::json> pin_update(Context& context);
Result<nlohmann::json> pin_verify(Context& context);
Result<nlohmann::json> store_gc(Context& context);
Result<nlohmann::json> store_du(Context& context);
Result<nlohmann::json> store_stat(Context& context);
Result<nlohmann::json> store_verify(Context& context);
Result<nlohmann::json> store_repair(Context& context);
Result<nlohmann::json> routing_put(Context& context);
Result<nlohmann::json> routing_get(Context& context);
Result<nlohmann::json> routing_dht(Context& context);
Result<nlohmann::json> routing_findpeer(Context& context);
Result<nlohmann::json> routing_findprovs(Context& context);
Result<nlohmann::json> routing_provide(Context& context);
Result<nlohmann::json> name_resolve(Context& context);
Result<nlohmann::json> name_publish(Context& context);
Result<nlohmann::json> name_published(Context& context);
Result<nlohmann::json> key_gen(Context& context);
Result<nlohmann::json> key_list(Context& context);
Result<nlohmann::json> key_rename(Context& context);
Result<nlohmann::json> key_rm(Context& context);
Result<nlohmann::json> key_export(Context& context);
Result<nlohmann::json> key_import(Context& context);
Result<nlohmann::json> models_list(Context& context);
Result<nlohmann::json> models_publish(Context& context);
Result<nlohmann::json> models_show(Context& context);
Result<nlohmann::json> hardware_detect(Context& context);
Result<nlohmann::json> hardware_profile(Context& context);
Result<nlohmann::json> history_query(Context& context);
Result<nlohmann::json> history_report(Context& context);
Result<nlohmann::json> node_doctor(Context& context);

}  // namespace accel::node
