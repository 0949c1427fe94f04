// SPDX-License-Identifier: Apache-2.0
// Delegated routers: who provides a CID, and sources for what is fetched.
#include <algorithm>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/log.hpp"
#include "accel/routing/client.hpp"
#include "content/pulling.hpp"
#include "names/names.hpp"
#include "peers/finding.hpp"

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

constexpr std::size_t kMaxProviders = 20;  // Of `routing findprovs`, as Kubo's.
constexpr std::size_t kMaxSources = 10;    // Peers that a pull is led to.

json json_of(const libp2p::KadPeer& peer) {
  json addresses = json::array();
  for (const ipld::Multiaddr& address : peer.addresses) addresses.push_back(address.to_string());
  return {{"id", peer.id.to_string()},
          {"addresses", std::move(addresses)},
          {"protocols", json::array()},
          {"router", "dht"}};
}

// Peers that provide the root become sources. Nobody hears of a private root unasked.
Status find_peers(Context& context, const ipld::Cid& root, exchange::PullOptions& options) {
  Discovery* const discovery = context.services.discovery();
  if (discovery == nullptr || !discovery->has_dht()) return {};
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const bool is_private, store->is_private(root));
  if (is_private) return {};
  const auto limit = context.services.config().get<std::chrono::milliseconds>("ipfs.timeout");
  auto reaching = discovery->reach_providers(root.hash(), kMaxSources, limit, context.stop);
  ACCEL_TRY(const auto reached,
            sync_wait(context.services.io().executor(), std::move(reaching), context.stop));
  for (const ipld::Multiaddr& address : reached) options.peers.push_back(address.to_string());
  return {};
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
  if (!names_sources) ACCEL_CHECK(find_peers(context, root, options));
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
  const auto count = context.params.integer_in("count", kMaxProviders, 1, 200);
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const ipld::Cid cid, ipld::Cid::parse(without_ipfs_prefix(text)));
  if (routers.empty()) {
    routers = context.services.config().get<ConfigList>("routing.delegated");
  }
  const bool has_dht = discovery_of(context).has_value();
  if (routers.empty() && !has_dht) {
    return fail(Errc::unavailable,
                "No router is known: name one with --router, set routing.delegated, or start a "
                "daemon with a swarm, which asks the DHT.");
  }
  json providers = json::array();
  for (const auto& peer : ask_dht(context, cid, static_cast<std::size_t>(count))) {
    providers.push_back(json_of(peer));
  }
  routing::FindReport report;
  if (!routers.empty()) {
    ACCEL_TRY(report, find(context, routers, cid, {}));
  }
  if (!has_dht && report.troubles.size() == routers.size()) {
    return fail(Errc::unavailable, "No router answered.{}", troubles_text(report));
  }
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
