// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is kept of a peer's addresses to be told to others. Pure. Private to libp2p.

#include <vector>

#include "accel/ipld/multiaddr.hpp"

namespace accel::libp2p::kad {

inline constexpr std::size_t kMaxKeptAddresses = 8;
inline constexpr std::size_t kMaxKeptAddressBytes = 128;

// The first ones that lead to an IP and have nothing but ports and names of protocols behind it:
// certificates, names and relays are where a liar would put ballast.
std::vector<ipld::Multiaddr> kept(const std::vector<ipld::Multiaddr>& addresses);

}  // namespace accel::libp2p::kad
