// SPDX-License-Identifier: Apache-2.0
#pragma once
// Between the configuration, the home and the libp2p host. Used by services and the swarm methods.

#include <string>
#include <vector>

#include "accel/core/config.hpp"
#include "accel/core/metrics.hpp"
#include "accel/libp2p/host.hpp"
#include "accel/node/home.hpp"

namespace accel::node {

// The key of the home, who may come, how many; no listeners. Errors: invalid_argument (a peer id),
// those of the key's file.
Result<libp2p::HostOptions> swarm_options(const Home& home, const Config& config);
// Errors: invalid_argument.
Result<std::vector<ipld::Multiaddr>> swarm_addresses(const std::vector<std::string>& texts);

struct SwarmView {
  std::vector<libp2p::ConnectionInfo> connections;
  libp2p::HostCounters counters;
};
// On the host's executor.
Task<SwarmView> look_at(libp2p::Host& host);
void export_swarm(const SwarmView& view, Metrics& metrics);

}  // namespace accel::node
