// SPDX-License-Identifier: Apache-2.0
#include "peers/swarm.hpp"

#include "accel/core/random.hpp"
#include "accel/libp2p/key_file.hpp"
#include "accel/libp2p/swarm_key.hpp"
#include "accel/node/build_info.hpp"

namespace accel::node {
namespace {

Result<std::vector<ipld::PeerId>> peers_of(const ConfigList& texts) {
  std::vector<ipld::PeerId> peers;
  for (const std::string& text : texts) {
    ACCEL_TRY(auto peer, ipld::PeerId::parse(text));
    peers.push_back(std::move(peer));
  }
  return peers;
}

}  // namespace

Result<libp2p::HostOptions> swarm_options(const Home& home, const Config& config) {
  libp2p::HostOptions options;
  ACCEL_TRY(options.key, libp2p::load_or_make_key(home.swarm_key(), system_random()));
  ACCEL_TRY(options.allow, peers_of(config.get<ConfigList>("swarm.allow")));
  ACCEL_TRY(options.deny, peers_of(config.get<ConfigList>("swarm.deny")));
  if (const auto& file = config.get<std::string>("swarm.psk"); !file.empty()) {
    ACCEL_TRY(options.swarm_key, libp2p::load_swarm_key(file));
  }
  options.limits.connections =
      static_cast<std::size_t>(config.get<std::int64_t>("swarm.max_connections"));
  options.agent = "ipfs-accelerate/" + std::string(kVersion);
  return options;
}

Result<std::vector<ipld::Multiaddr>> swarm_addresses(const std::vector<std::string>& texts) {
  std::vector<ipld::Multiaddr> addresses;
  for (const std::string& text : texts) {
    ACCEL_TRY(auto address, ipld::Multiaddr::parse(text));
    addresses.push_back(std::move(address));
  }
  return addresses;
}

Task<SwarmView> look_at(libp2p::Host& host) {
  co_return SwarmView{host.connections(), host.counters()};
}

void export_swarm(const SwarmView& view, Metrics& metrics) {
  const auto set = [&](const char* name, const char* help, std::uint64_t value) {
    metrics.gauge(name, help).set(static_cast<double>(value));
  };
  std::uint64_t streams = 0;
  for (const auto& connection : view.connections) streams += connection.streams;
  const libp2p::HostCounters& counted = view.counters;
  set("accel_libp2p_connections", "Connections to peers", view.connections.size());
  set("accel_libp2p_streams", "Streams of all connections", streams);
  set("accel_libp2p_dials", "Dials since the start", counted.dials);
  set("accel_libp2p_dial_failures", "Dials that failed", counted.dial_failures);
  set("accel_libp2p_inbound", "Connections that came in", counted.inbound);
  set("accel_libp2p_inbound_refused", "Of these refused: above a limit or not allowed",
      counted.inbound_refused);
  set("accel_libp2p_handshake_failures", "Handshakes that failed", counted.handshake_failures);
  set("accel_libp2p_streams_opened", "Streams opened since the start", counted.streams_opened);
  set("accel_libp2p_streams_accepted", "Streams accepted since the start",
      counted.streams_accepted);
  set("accel_libp2p_protocol_errors", "Connections ended for what the peer sent",
      counted.protocol_errors);
}

}  // namespace accel::node
