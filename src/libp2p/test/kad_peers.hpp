// SPDX-License-Identifier: Apache-2.0
#pragma once
// Peers and addresses for tests of Kademlia.

#include <string>
#include <vector>

#include "accel/crypto/sha256.hpp"
#include "accel/libp2p/kad.hpp"
#include "kad/kad_id.hpp"

namespace accel::libp2p::test {

inline Bytes number_bytes(std::uint32_t number) {
  return {static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U),
          static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
}

// The same for the same number; a hash of no key.
inline PeerId peer_id(std::uint32_t number) {
  return PeerId::from_bytes(ipld::sha2_256(number_bytes(number)).bytes()).value();
}

inline Multiaddr address(std::string_view text) {
  return Multiaddr::parse(text.ends_with('/') ? text.substr(0, text.size() - 1) : text).value();
}

// Leads to a machine by its front, and is long.
inline Multiaddr heavy_address(std::string_view front) {
  std::string text(front);
  for (int i = 0; i < 4; ++i) text += "/dns/" + std::string(200, 'a');
  return address(text);
}

inline KadPeer kad_peer(std::uint32_t number) {
  return {peer_id(number), {address("/ip4/10.0.0.1/tcp/4001")}};
}

// The first `count` peers, from `begin` on, that share exactly `bits` with `with`.
inline std::vector<KadPeer> peers_in_bucket(const PeerId& with, std::size_t bits, std::size_t count,
                                            std::uint32_t begin = 0) {
  std::vector<KadPeer> out;
  const kad::KadId self = kad::kad_id_of(with);
  for (std::uint32_t i = begin; out.size() < count; ++i) {
    const KadPeer peer = kad_peer(i);
    if (kad::common_prefix_bits(self, kad::kad_id_of(peer.id)) == bits) out.push_back(peer);
  }
  return out;
}

}  // namespace accel::libp2p::test
