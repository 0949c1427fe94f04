// SPDX-License-Identifier: Apache-2.0
// routing.findpeer, routing.provide, routing.dht: what the DHT knows and is told.
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "context.hpp"
#include "names/names.hpp"
#include "peers/announcer.hpp"
#include "peers/finding.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

json texts_of(const std::vector<ipld::Multiaddr>& addresses) {
  json list = json::array();
  for (const ipld::Multiaddr& address : addresses) list.push_back(address.to_string());
  return list;
}

}  // namespace

Result<Discovery*> discovery_of(Context& context) {
  Discovery* const discovery = context.services.discovery();
  if (discovery != nullptr && discovery->has_dht()) return discovery;
  if (discovery != nullptr) {
    return fail(Errc::unavailable, "There is no DHT here: routing.dht is off.");
  }
  return needs_daemon("The DHT");
}

std::vector<libp2p::KadPeer> ask_dht(Context& context, const ipld::Cid& cid, std::size_t count) {
  Discovery* const discovery = context.services.discovery();
  std::vector<libp2p::KadPeer> found;
  if (discovery == nullptr || !discovery->has_dht()) return found;
  const libp2p::Kad::OnProvider keep = [&](const libp2p::KadPeer& peer) {
    found.push_back(peer);
    context.progress({{"provider", peer.id.to_string()}});
    return true;
  };
  auto finding = discovery->find_providers(cid.hash(), count, keep, context.stop);
  const auto limit = context.services.config().get<std::chrono::milliseconds>("ipfs.timeout");
  auto limited = with_timeout(std::move(finding), limit);
  const auto told = sync_wait(context.services.io().executor(), std::move(limited), context.stop);
  static_cast<void>(told);  // Who was found in time counts.
  return found;
}

Result<json> routing_findpeer(Context& context) {
  const std::string text = context.params.required_text("peer");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto peer, ipld::PeerId::parse(text));
  ACCEL_TRY(Discovery* const discovery, discovery_of(context));
  auto finding = discovery->find_peer(peer, context.stop);
  ACCEL_TRY(const auto found,
            sync_wait(context.services.io().executor(), std::move(finding), context.stop));
  return json{{"peer", found.id.to_string()}, {"addresses", texts_of(found.addresses)}};
}

Result<json> routing_provide(Context& context) {
  const std::string text = context.params.required_text("cid");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, text));
  ACCEL_TRY(Discovery* const discovery, discovery_of(context));
  ACCEL_TRY(const bool is_here, store->has(target.cid));
  if (!is_here) {
    return fail(Errc::not_found, "{} is not stored here, so nobody is told that it is.",
                target.cid);
  }
  ACCEL_TRY(const bool is_private, store->is_private(target.cid));
  if (is_private) {
    return fail(Errc::permission_denied, "{} is private: nobody is told of it.", target.cid);
  }
  auto providing = discovery->provide(target.cid.hash(), context.stop);
  ACCEL_TRY(const libp2p::KadReport report,
            sync_wait(context.services.io().executor(), std::move(providing), context.stop));
  const WallTime now = context.services.clock().wall_now();
  if (target.cid == target.root) ACCEL_CHECK(note_told(*store, target.root, now));
  return json{{"cid", target.cid.to_string()},
              {"closest", report.closest},
              {"stored", report.stored},
              {"asked", report.asked}};
}

Result<json> routing_dht(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(Discovery* const discovery, discovery_of(context));
  auto looking = discovery->look();
  ACCEL_TRY(const auto networks,
            sync_wait(context.services.io().executor(), std::move(looking), context.stop));
  json list = json::array();
  for (const Discovery::Network& network : networks) {
    list.push_back({{"network", network.name},
                    {"peers", network.stat.peers},
                    {"buckets", network.stat.buckets},
                    {"peers_refused", network.stat.refused},
                    {"provider_records", network.stat.provider_records},
                    {"provider_keys", network.stat.provider_keys},
                    {"values", network.stat.values}});
  }
  return json{{"networks", std::move(list)}};
}

}  // namespace accel::node
