// SPDX-License-Identifier: Apache-2.0
#include "kad/kept_addresses.hpp"

#include <algorithm>

namespace accel::libp2p::kad {
namespace {

constexpr std::size_t kPortBytes = 2;

bool is_plain(const ipld::Multiaddr& address) {
  if (address.bytes().size() > kMaxKeptAddressBytes) return false;
  const auto parts = address.parts();
  if (parts.size() < 2) return false;
  const bool is_ip =
      parts[0].code == ipld::AddressCode::ip4 || parts[0].code == ipld::AddressCode::ip6;
  return is_ip && std::all_of(parts.begin() + 1, parts.end(), [](const auto& part) {
           return part.value.size() <= kPortBytes && part.code != ipld::AddressCode::p2p_circuit;
         });
}

}  // namespace

std::vector<ipld::Multiaddr> kept(const std::vector<ipld::Multiaddr>& addresses) {
  std::vector<ipld::Multiaddr> out;
  for (const ipld::Multiaddr& address : addresses) {
    if (out.size() < kMaxKeptAddresses && is_plain(address)) out.push_back(address);
  }
  return out;
}

}  // namespace accel::libp2p::kad
