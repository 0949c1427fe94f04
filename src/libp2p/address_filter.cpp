// SPDX-License-Identifier: Apache-2.0
#include "address_filter.hpp"

#include <algorithm>

#include "remote.hpp"

namespace accel::libp2p {
namespace {

using ipld::Multiaddr;

constexpr std::size_t kPublicSite4Bytes = 3;
constexpr std::size_t kPublicSite6Bytes = 6;

// The machine at the front of an address, whatever is spoken to it.
std::optional<Multiaddr::Part> machine_of(const Multiaddr& address) {
  const auto parts = address.parts();
  if (parts.empty()) return std::nullopt;
  const bool is_ip =
      parts[0].code == ipld::AddressCode::ip4 || parts[0].code == ipld::AddressCode::ip6;
  const bool relayed = std::ranges::any_of(
      parts, [](const auto& part) { return part.code == ipld::AddressCode::p2p_circuit; });
  if (!is_ip || relayed || parts.size() < 2) return std::nullopt;
  return parts[0];
}

}  // namespace

bool belongs(const AddressRules& rules, const Multiaddr& address) {
  const auto machine = machine_of(address);
  if (!machine) return false;
  switch (reach_of_ip(machine->value)) {
    case Reach::anywhere:
      return rules.is_public;
    case Reach::local:
      return !rules.is_public;
    case Reach::loopback:
      return !rules.is_public && rules.loopback;
    default:
      return false;
  }
}

std::vector<Multiaddr> filtered(const AddressRules& rules, const std::vector<Multiaddr>& addresses,
                                const Multiaddr* remote) {
  std::vector<Multiaddr> out;
  for (const Multiaddr& address : addresses) {
    const auto machine = machine_of(address);
    if (!machine || !belongs(rules, address)) continue;
    const bool allowed =
        remote == nullptr || may_name(reach_of_teller(*remote), reach_of_ip(machine->value));
    if (allowed && std::ranges::find(out, address) == out.end()) out.push_back(address);
  }
  return out;
}

std::string group_of(const AddressRules& rules, const Multiaddr& remote) {
  const auto machine = machine_of(remote);
  if (!machine) return "elsewhere";
  if (reach_of_teller(remote) == Reach::loopback) return {};
  if (!rules.is_public) return origin_of(remote);
  const Bytes& ip = machine->value;
  const std::size_t site = ip.size() == 4 ? kPublicSite4Bytes : kPublicSite6Bytes;
  return {ip.begin(), ip.begin() + static_cast<std::ptrdiff_t>(site)};
}

}  // namespace accel::libp2p
