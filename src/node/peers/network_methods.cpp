// SPDX-License-Identifier: Apache-2.0
// network.analytics, network.prefetch and network.topology: what was measured of the peers and
// transfers here.
#include <algorithm>

#include "accel/core/async/sync_wait.hpp"
#include "context.hpp"
#include "peers/prefetcher.hpp"
#include "peers/source_book.hpp"
#include "peers/swarm.hpp"
#include "recorder.hpp"

namespace accel::node {
namespace {

using exchange::NetworkAnalysis;
using exchange::NetworkFigures;
using nlohmann::json;

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

// One link a peer, however many connections there are.
void add_links(const SwarmView& seen, NetworkFigures& figures) {
  for (const libp2p::ConnectionInfo& connection : seen.connections) {
    const std::string peer = connection.peer.to_string();
    if (std::ranges::find(figures.links, peer, &exchange::NetworkLink::peer) !=
        figures.links.end()) {
      continue;
    }
    exchange::NetworkLink link;
    link.peer = peer;
    link.address = connection.remote.to_string();
    link.agent = connection.agent;
    link.outbound = connection.outbound;
    if (connection.round_trip > Duration{}) link.round_trip_ms = to_ms(connection.round_trip);
    const auto known = figures.known.find(exchange::source_key("/p2p/" + peer));
    if (known != figures.known.end()) link.figures = known->second;
    figures.links.push_back(std::move(link));
  }
}

Result<NetworkFigures> look_around(Context& context) {
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  NetworkFigures figures;
  figures.known = *known_sources(*store);
  figures.transfers = transfer_totals(*store);
  ACCEL_TRY(const auto pins, store->pins());
  figures.kept_roots = static_cast<std::uint64_t>(
      std::ranges::count_if(pins, [](const blockstore::PinInfo& pin) { return !pin.is_private; }));
  if (!context.services.has_swarm()) {
    figures.id = "(no swarm)";
    return figures;
  }
  ACCEL_TRY(libp2p::Host* const host, context.services.host());
  figures.id = host->id().to_string();
  auto looking = look_at(*host);
  ACCEL_TRY(const SwarmView seen,
            sync_wait(context.services.io().executor(), std::move(looking), context.stop));
  add_links(seen, figures);
  return figures;
}

json json_of(const exchange::SourceFigures& figures) {
  const bool measured = figures.rate_samples > 0;
  return {
      {"kind", exchange::source_kind_name(figures.kind)},
      {"bytes_per_second", measured ? json(figures.bytes_per_second) : json(nullptr)},
      {"rate_samples", figures.rate_samples},
      {"first_byte_ms", figures.round_trip_ms > 0 ? json(figures.round_trip_ms) : json(nullptr)},
      {"requests", figures.requests},
      {"failures", figures.failures},
      {"failure_share", figures.requests > 0 ? json(figures.failure_share) : json(nullptr)},
      {"transfers", figures.transfers},
      {"bytes", figures.bytes},
      {"blocks", figures.blocks}};
}

json links_of(const NetworkFigures& figures) {
  json links = json::array();
  for (const exchange::NetworkLink& link : figures.links) {
    json row = json_of(link.figures);
    row["kind"] = "peer";
    row["peer"] = link.peer;
    row["address"] = link.address;
    row["agent"] = link.agent;
    row["direction"] = link.outbound ? "outbound" : "inbound";
    row["round_trip_ms"] = or_null(link.round_trip_ms);
    links.push_back(std::move(row));
  }
  return links;
}

json advice_of(const NetworkAnalysis& analysis) {
  json advice = json::array();
  for (const exchange::Advice& item : analysis.advice) {
    advice.push_back({{"advice", item.text}, {"why", item.why}});
  }
  return advice;
}

}  // namespace

Result<json> network_analytics(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const NetworkFigures figures, look_around(context));
  const NetworkAnalysis analysis = exchange::analyze(figures);
  const exchange::TransferTotals& totals = figures.transfers;
  json sources = json::array();
  for (const auto& [name, known] : figures.known) {
    json row = json_of(known);
    row["source"] = name;
    sources.push_back(std::move(row));
  }
  json result{{"id", figures.id},
              {"peer_count", figures.links.size()},
              {"known_content_items", figures.kept_roots},
              {"transfers_completed", totals.completed},
              {"transfers_failed", totals.failed},
              {"bytes_transferred", totals.bytes()},
              {"bytes_useful", totals.bytes_useful},
              {"bytes_duplicate", totals.bytes_duplicate},
              {"bytes_rejected", totals.bytes_rejected},
              {"average_transfer_speed", or_null(analysis.bytes_per_second)},
              {"network_efficiency", or_null(analysis.efficiency)},
              {"network_density", or_null(analysis.density)},
              {"density_rule",
               "links of this node over pairs of the peers that it knows; links "
               "between others are not seen from here"},
              {"average_connections", or_null(analysis.average_connections)},
              {"known_nodes", analysis.known_nodes},
              {"health", exchange::health_name(analysis.health)},
              {"health_rule", exchange::health_rule()},
              {"health_reasons", analysis.reasons},
              {"recommendations", advice_of(analysis)},
              {"links", links_of(figures)},
              {"sources", std::move(sources)},
              {"provenance", "measured"}};
  record_network(context, result);
  return result;
}

Result<json> network_prefetch(Context& context) {
  ACCEL_CHECK(context.params.finish());
  Prefetcher* const prefetcher = context.services.prefetcher();
  if (prefetcher == nullptr) return needs_daemon("What peers want");
  return prefetcher->list(context.stop);
}

Result<json> network_topology(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const NetworkFigures figures, look_around(context));
  return json{{"id", figures.id},
              {"links", links_of(figures)},
              {"text", exchange::topology_text(figures)},
              {"dot", exchange::topology_dot(figures)},
              {"svg", exchange::topology_svg(figures)},
              {"provenance", "measured"}};
}

}  // namespace accel::node
