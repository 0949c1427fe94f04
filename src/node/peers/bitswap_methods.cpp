// SPDX-License-Identifier: Apache-2.0
// bitswap.stat: what went to and came from peers.
#include "accel/core/async/sync_wait.hpp"
#include "context.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

json json_of(const exchange::BitswapFigures& figures) {
  return {{"blocks_sent", figures.blocks_sent},         {"bytes_sent", figures.bytes_sent},
          {"presences_sent", figures.presences_sent},   {"wants_received", figures.wants_received},
          {"wants_refused", figures.wants_refused},     {"wantlist", figures.wantlist},
          {"blocks_received", figures.blocks_received}, {"bytes_received", figures.bytes_received},
          {"bytes_duplicate", figures.bytes_duplicate}, {"bytes_unasked", figures.bytes_unasked},
          {"bad_messages", figures.bad_messages},       {"owed", figures.owed}};
}

}  // namespace

Result<json> bitswap_stat(Context& context) {
  ACCEL_CHECK(context.params.finish());
  if (!context.services.has_swarm()) return needs_daemon("Bitswap");
  ACCEL_TRY(libp2p::Host* const host, context.services.host());
  ACCEL_TRY(exchange::Bitswap* const bitswap, context.services.bitswap());
  const auto read = [](exchange::Bitswap* from) -> Task<exchange::BitswapStat> {
    co_return from->stat();
  };
  auto reading = read(bitswap);
  ACCEL_TRY(const exchange::BitswapStat stat,
            sync_wait(context.services.io().executor(), std::move(reading)));
  json result = json_of(stat.total);
  result["id"] = host->id().to_string();
  result["addresses"] = json::array();
  for (const ipld::Multiaddr& address : host->addresses()) {
    result["addresses"].push_back(address.with_peer(host->id()).to_string());
  }
  result["peers"] = json::array();
  for (const auto& [peer, figures] : stat.peers) {
    json row = json_of(figures);
    row["peer"] = peer.to_string();
    result["peers"].push_back(std::move(row));
  }
  result["provenance"] = "measured";
  return result;
}

}  // namespace accel::node
