// SPDX-License-Identifier: Apache-2.0
#pragma once
// The space in which peers and keys lie: SHA-256, distance by XOR. Pure. Private to libp2p. Spec:
// ipfs/specs src/routing/kad-dht.md ("Kademlia keyspace").

#include <array>
#include <compare>
#include <cstdint>

#include "accel/core/bytes.hpp"
#include "accel/ipld/peer_id.hpp"

namespace accel::libp2p::kad {

inline constexpr std::size_t kIdBytes = 32;
inline constexpr std::size_t kBucketSize = 20;   // k
inline constexpr std::size_t kConcurrency = 10;  // alpha

using KadId = std::array<std::uint8_t, kIdBytes>;

// Of the bytes of a peer id, a multihash or a value's key.
KadId kad_id_of(ByteView key);
KadId kad_id_of(const ipld::PeerId& peer);
KadId distance(const KadId& left, const KadId& right);  // Compares as a big-endian number.
std::size_t common_prefix_bits(const KadId& left, const KadId& right);  // 256 when equal.

}  // namespace accel::libp2p::kad
