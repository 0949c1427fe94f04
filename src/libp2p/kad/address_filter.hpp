// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which addresses belong to which network, and who counts as one. Pure. Private to libp2p. Spec:
// ipfs/specs src/routing/kad-dht.md ("Client and Server Mode", "Swarms").

#include <string>
#include <vector>

#include "accel/libp2p/kad.hpp"

namespace accel::libp2p::kad {

struct AddressRules {
  KadNetwork network = KadNetwork::lan;
  bool loopback = false;  // LAN only.
};

// Names and relays belong to no network here.
bool belongs(const AddressRules& rules, const Multiaddr& address);
// Those that belong, without repetitions; of what a peer at `remote` says about others or itself,
// or is told of them, only what may_name() allows.
std::vector<Multiaddr> filtered(const AddressRules& rules, const std::vector<Multiaddr>& addresses,
                                const Multiaddr* remote = nullptr);

// Peers that one hand may hold: WAN the /24 of IPv4 and the /48 of IPv6, LAN one machine. Empty
// (without limits) for this machine itself: who runs here can do worse.
std::string group_of(KadNetwork network, const Multiaddr& remote);

}  // namespace accel::libp2p::kad
