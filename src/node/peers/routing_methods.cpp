// SPDX-License-Identifier: Apache-2.0
// Delegated routers: who provides a CID, and sources for what is fetched.
#include <algorithm>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/log.hpp"
#include "accel/routing/client.hpp"
#include "content/pulling.hpp"
#include "names/names.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

Result<routing::FindReport> find(Context& context, const std::vector<std::string>& routers,
                                 const ipld::Cid& cid, std::vector<std::string> protocols) {
  routing::FindOptions options;
  options.protocols = std::move(protocols);
  options.timeout = context.services.config().get<std::chrono::milliseconds>("ipfs.timeout");
  options.stop = context.stop;
  auto finding =
      routing::find_providers(context.services.client(), routers, cid, std::move(options));
  return sync_wait(context.services.io().executor(), std::move(finding), context.stop);
}

std::string troubles_text(const routing::FindReport& report) {
  std::string text;
  for (const routing::RouterTrouble& trouble : report.troubles) {
    text += fmt::format(" {}: {}", trouble.router, trouble.error.message);
  }
  return text;
}

bool contains(const std::vector<std::string>& urls, const std::string& url) {
  return std::ranges::find(urls, url) != urls.end();
}

}  // namespace

Status find_sources(Context& context, const ipld::Cid& root, exchange::PullOptions& options) {
  std::vector<std::string> routers = context.params.texts("routers");
  const bool names_sources = !context.params.texts("sources").empty() ||
                             !context.params.texts("file_sources").empty() ||
                             !options.peers.empty();
  if (routers.empty() && !names_sources) {
    // Nobody hears of a private root unasked.
    ACCEL_TRY(blockstore::Store* const store, context.services.store());
    ACCEL_TRY(const bool is_private, store->is_private(root));
    if (!is_private) routers = context.services.config().get<ConfigList>("routing.delegated");
  }
  if (routers.empty()) return {};
  ACCEL_TRY(const auto report,
            find(context, routers, root, {std::string(routing::kGatewayProtocol)}));
  for (const routing::FoundGateway& gateway : routing::gateways_of(report)) {
    if (contains(options.sources, gateway.url)) continue;
    (gateway.network_only ? options.named_sources : options.sources).push_back(gateway.url);
  }
  if (!report.troubles.empty()) {
    log::warn("node", "a router did not answer", {log::field("why", troubles_text(report))});
  }
  const bool has_some = !options.sources.empty() || !options.named_sources.empty() ||
                        !options.file_sources.empty() || !options.peers.empty() ||
                        options.ask_connected_peers;
  if (has_some) return {};
  const bool all_failed = report.troubles.size() == routers.size();
  return fail(all_failed ? Errc::unavailable : Errc::not_found,
              "No router names a gateway that has {}; {} asked.{} Name one with --from.", root,
              routers.size(), troubles_text(report));
}

Result<json> routing_findprovs(Context& context) {
  const std::string text = context.params.required_text("cid");
  std::vector<std::string> routers = context.params.texts("routers");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const ipld::Cid cid, ipld::Cid::parse(without_ipfs_prefix(text)));
  if (routers.empty()) {
    routers = context.services.config().get<ConfigList>("routing.delegated");
  }
  if (routers.empty()) {
    return fail(Errc::invalid_argument,
                "No router is known: name one with --router, or set routing.delegated.");
  }
  ACCEL_TRY(const auto report, find(context, routers, cid, {}));
  if (report.troubles.size() == routers.size()) {
    return fail(Errc::unavailable, "No router answered.{}", troubles_text(report));
  }
  json providers = json::array();
  for (const routing::FoundProvider& found : report.providers) {
    providers.push_back({{"id", found.peer.id},
                         {"addresses", found.peer.addresses},
                         {"protocols", found.peer.protocols},
                         {"router", found.router}});
  }
  json troubles = json::array();
  for (const routing::RouterTrouble& trouble : report.troubles) {
    troubles.push_back({{"router", trouble.router}, {"error", trouble.error.message}});
  }
  json gateways = json::array();
  for (const auto& gateway : routing::gateways_of(report)) gateways.push_back(gateway.url);
  return json{{"cid", cid.to_string()},
              {"providers", std::move(providers)},
              {"gateways", std::move(gateways)},
              {"troubles", std::move(troubles)}};
}

}  // namespace accel::node
