// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which addresses belong to which network, and who counts as one; of Kademlia and mDNS. Pure.
// Private to libp2p. Spec: ipfs/specs src/routing/kad-dht.md ("Client and Server Mode", "Swarms").

#include <string>
#include <vector>

#include "accel/ipld/multiaddr.hpp"

namespace accel::libp2p {

struct AddressRules {
  bool is_public = false;  // The Internet; else a private network.
  bool loopback = false;   // This machine is part of the private one.
};

// Names and relays belong to no network here.
bool belongs(const AddressRules& rules, const ipld::Multiaddr& address);
// Those that belong, without repetitions; of what a peer at `remote` says about others or itself,
// or is told of them, only what may_name() allows.
std::vector<ipld::Multiaddr> filtered(const AddressRules& rules,
                                      const std::vector<ipld::Multiaddr>& addresses,
                                      const ipld::Multiaddr* remote = nullptr);

// Peers that one hand may hold: in public the /24 of IPv4 and the /48 of IPv6, else one machine.
// Empty (without limits) for this machine itself: who runs here can do worse.
std::string group_of(const AddressRules& rules, const ipld::Multiaddr& remote);

}  // namespace accel::libp2p
