// SPDX-License-Identifier: Apache-2.0
#include "kad/kad_id.hpp"

#include <bit>

#include "accel/crypto/sha256.hpp"

namespace accel::libp2p::kad {

KadId kad_id_of(ByteView key) { return crypto::sha256(key); }

KadId kad_id_of(const ipld::PeerId& peer) { return kad_id_of(peer.bytes()); }

KadId distance(const KadId& left, const KadId& right) {
  KadId out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::uint8_t>(left[i] ^ right[i]);
  }
  return out;
}

std::size_t common_prefix_bits(const KadId& left, const KadId& right) {
  const KadId apart = distance(left, right);
  for (std::size_t i = 0; i < apart.size(); ++i) {
    if (apart[i] != 0) return 8 * i + static_cast<std::size_t>(std::countl_zero(apart[i]));
  }
  return 8 * apart.size();
}

}  // namespace accel::libp2p::kad
