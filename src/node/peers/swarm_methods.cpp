// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/random.hpp"
#include "accel/ipld/multibase.hpp"
#include "accel/libp2p/perf.hpp"
#include "accel/libp2p/swarm_key.hpp"
#include "accel/node/build_info.hpp"
#include "context.hpp"
#include "peers/finding.hpp"
#include "peers/swarm.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxPings = 1000;
constexpr std::int64_t kUsualPerfBytes = std::int64_t{64} << 20U;

json json_of(const libp2p::ConnectionInfo& info) {
  json listens = json::array();
  for (const auto& address : info.listens) listens.push_back(address.to_string());
  return {{"peer", info.peer.to_string()},
          {"address", info.remote.to_string()},
          {"direction", info.outbound ? "outbound" : "inbound"},
          {"security", info.security == libp2p::Security::tls ? "tls" : "noise"},
          {"streams", info.streams},
          {"bytes_in", info.bytes_in},
          {"bytes_out", info.bytes_out},
          {"round_trip_ms", to_ms(info.round_trip)},
          {"age_seconds", std::chrono::duration<double>(info.age).count()},
          {"agent", info.agent},
          {"protocols", info.protocols},
          {"listens", std::move(listens)}};
}

template <class T>
Result<T> wait_for(Context& context, Task<T> task) {
  return sync_wait(context.services.io().executor(), std::move(task), context.stop);
}

// "ID" or an address that ends in /p2p/ID.
Result<ipld::PeerId> peer_of(const std::string& text) {
  if (!text.starts_with('/')) return ipld::PeerId::parse(text);
  ACCEL_TRY(const auto address, ipld::Multiaddr::parse(text));
  if (const auto peer = address.peer_id()) return *peer;
  return fail(Errc::invalid_argument, "{} names no peer; it should end in /p2p/ID.", text);
}

// "ID" or "/p2p/ID": the DHT knows where it is.
std::optional<ipld::PeerId> bare_peer(std::string_view text) {
  constexpr std::string_view kPrefix = "/p2p/";
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  if (text.starts_with('/')) return std::nullopt;
  const auto peer = ipld::PeerId::parse(text);
  return peer ? std::optional(*peer) : std::nullopt;
}

// Who is connected at an address that names no peer.
std::optional<ipld::PeerId> peer_at(const SwarmView& seen, const ipld::Multiaddr& address) {
  for (const libp2p::ConnectionInfo& connection : seen.connections) {
    const bool listens = std::ranges::any_of(
        connection.listens, [&](const auto& listen) { return listen.without_peer() == address; });
    if (listens || connection.remote.without_peer() == address) return connection.peer;
  }
  return std::nullopt;
}

// The same, and an address is connected to, unless it is.
Result<ipld::PeerId> reach(Context& context, libp2p::Host& host, const std::string& text) {
  if (!text.starts_with('/')) return ipld::PeerId::parse(text);
  ACCEL_TRY(auto address, ipld::Multiaddr::parse(text));
  if (!address.peer_id()) {
    ACCEL_TRY(const SwarmView seen, wait_for(context, look_at(host)));
    if (const auto peer = peer_at(seen, address)) return *peer;
  }
  return wait_for(context, host.connect(std::move(address)));
}

// Of too little nothing is said.
json mb_per_second(std::uint64_t bytes, Duration took) {
  const double seconds = std::chrono::duration<double>(took).count();
  return bytes > 1 && seconds > 0 ? json(static_cast<double>(bytes) / seconds / 1e6) : json();
}

}  // namespace

Result<json> node_id(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(libp2p::Host* const host, context.services.host());
  json addresses = json::array();
  for (const auto& address : host->addresses()) {
    addresses.push_back(address.with_peer(host->id()).to_string());
  }
  return json{{"id", host->id().to_string()},
              {"addresses", std::move(addresses)},
              {"public_key", ipld::base_encode(ipld::Multibase::base64, host->id().inline_key())},
              {"agent", "ipfs-accelerate/" + std::string(kVersion)}};
}

Result<json> swarm_connect(Context& context) {
  const std::string text = context.params.required_text("address");
  ACCEL_CHECK(context.params.finish());
  if (!context.services.is_daemon()) return needs_daemon("A connection");
  ACCEL_TRY(libp2p::Host* const host, context.services.host());
  if (const auto peer = bare_peer(text)) {
    ACCEL_TRY(Discovery* const discovery, discovery_of(context));
    ACCEL_CHECK(wait_for(context, discovery->reach(*peer, context.stop)));
    return json{{"peer", peer->to_string()}};
  }
  ACCEL_TRY(auto address, ipld::Multiaddr::parse(text));
  ACCEL_TRY(const auto peer, wait_for(context, host->connect(std::move(address))));
  return json{{"peer", peer.to_string()}};
}

Result<json> swarm_disconnect(Context& context) {
  const std::string text = context.params.required_text("peer");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto peer, peer_of(text));
  if (!context.services.is_daemon()) return needs_daemon("A connection");
  ACCEL_TRY(libp2p::Host* const host, context.services.host());
  ACCEL_TRY(const SwarmView seen, wait_for(context, look_at(*host)));
  const auto closed = std::ranges::count(seen.connections, peer, &libp2p::ConnectionInfo::peer);
  if (closed == 0) return fail(Errc::not_found, "There is no connection to {}.", peer);
  host->disconnect(peer);
  return json{{"peer", peer.to_string()}, {"closed", closed}};
}

Result<json> swarm_peers(Context& context) {
  ACCEL_CHECK(context.params.finish());
  if (!context.services.is_daemon()) return needs_daemon("A connection");
  ACCEL_TRY(libp2p::Host* const host, context.services.host());
  ACCEL_TRY(const SwarmView seen, wait_for(context, look_at(*host)));
  json peers = json::array();
  for (const auto& connection : seen.connections) peers.push_back(json_of(connection));
  return json{{"peers", std::move(peers)}};
}

Result<json> swarm_ping(Context& context) {
  const std::string text = context.params.required_text("peer");
  const auto count = context.params.integer_in("count", 1, 1, kMaxPings);
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(libp2p::Host* const host, context.services.host());
  ACCEL_TRY(const ipld::PeerId peer, reach(context, *host, text));
  std::vector<double> times_ms;
  for (std::int64_t i = 0; i < count; ++i) {
    ACCEL_TRY(const Duration took, wait_for(context, host->ping(peer)));
    times_ms.push_back(to_ms(took));
    context.progress({{"ping_ms", times_ms.back()}});
  }
  const double least = *std::ranges::min_element(times_ms);
  return json{{"peer", peer.to_string()}, {"times_ms", times_ms}, {"least_ms", least}};
}

Result<json> swarm_perf(Context& context) {
  const std::string text = context.params.required_text("peer");
  const auto most = static_cast<std::int64_t>(libp2p::kMaxPerfBytes);
  const auto up = context.params.integer_in("upload_bytes", kUsualPerfBytes, 0, most);
  const auto down = context.params.integer_in("download_bytes", kUsualPerfBytes, 0, most);
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(libp2p::Host* const host, context.services.host());
  ACCEL_TRY(const ipld::PeerId peer, reach(context, *host, text));
  auto measuring = libp2p::measure(*host, peer, static_cast<std::uint64_t>(up),
                                   static_cast<std::uint64_t>(down));
  auto report = wait_for(context, std::move(measuring));
  if (!report && report.error().code == Errc::unsupported) {
    return fail(Errc::unsupported,
                "{} does not answer measurements; one of ours does with swarm.perf = true.", peer);
  }
  if (!report) return fail(std::move(report).error());
  return json{{"peer", peer.to_string()},
              {"uploaded_bytes", report->uploaded_bytes},
              {"downloaded_bytes", report->downloaded_bytes},
              {"upload_seconds", std::chrono::duration<double>(report->upload).count()},
              {"download_seconds", std::chrono::duration<double>(report->download).count()},
              {"upload_mb_per_s", mb_per_second(report->uploaded_bytes, report->upload)},
              {"download_mb_per_s", mb_per_second(report->downloaded_bytes, report->download)},
              {"provenance", "measured"}};
}

Result<json> swarm_make_key(Context& context) {
  ACCEL_CHECK(context.params.finish());
  return json{{"key", libp2p::write_swarm_key(libp2p::make_swarm_key(system_random()))}};
}

}  // namespace accel::node
