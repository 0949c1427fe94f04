// SPDX-License-Identifier: Apache-2.0
// Binds bitswap to a libp2p host.
#include <algorithm>

#include "bitswap_node.hpp"

namespace accel::exchange {

BitswapWire wire_of(libp2p::Host& host) {
  BitswapWire wire;
  wire.connect = [&host](ipld::Multiaddr address) { return host.connect(std::move(address)); };
  wire.open = [&host](ipld::PeerId peer, std::vector<std::string> protocols) {
    return host.open(std::move(peer), std::move(protocols));
  };
  wire.connected = [&host] {
    std::vector<ipld::PeerId> peers;
    for (const libp2p::ConnectionInfo& connection : host.connections()) {
      const auto& spoken = connection.protocols;
      const bool speaks = std::ranges::find(spoken, bitswap_protocols().front()) != spoken.end();
      const bool known = std::ranges::find(peers, connection.peer) != peers.end();
      if (speaks && !known) peers.push_back(connection.peer);
    }
    return peers;
  };
  return wire;
}

void Bitswap::attach(libp2p::Host& host) {
  for (const std::string& protocol : bitswap_protocols()) {
    host.handle(protocol, [this](std::unique_ptr<libp2p::Stream> stream) {
      return accept(std::move(stream));
    });
  }
  host.on_disconnected([this](const ipld::PeerId& peer) { peer_gone(peer); });
}

}  // namespace accel::exchange
