// SPDX-License-Identifier: Apache-2.0
#pragma once
// What methods ask of the DHT. Calls block.

#include <vector>

#include "context.hpp"
#include "peers/discovery.hpp"

namespace accel::node {

// Errors: unavailable (no swarm, or routing.dht is off).
Result<Discovery*> discovery_of(Context& context);
// Who provides a block, within ipfs.timeout; nobody without a DHT.
std::vector<libp2p::KadPeer> ask_dht(Context& context, const ipld::Cid& cid, std::size_t count);

}  // namespace accel::node
