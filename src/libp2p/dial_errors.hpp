// SPDX-License-Identifier: Apache-2.0
#pragma once
// Why the addresses of one dial failed, and what is said of it. Private to libp2p: the dialing
// parts of Host.

#include <string>
#include <utility>
#include <vector>

#include "host_impl.hpp"

namespace accel::libp2p {

// What we refuse ourselves says nothing about the address.
inline bool is_fault_of_address(Errc code) {
  return code == Errc::unavailable || code == Errc::timeout || code == Errc::protocol ||
         code == Errc::unauthenticated;
}

struct Host::Impl::DialErrors {
  void note(const Multiaddr& address, Error error) { all.emplace_back(address, std::move(error)); }
  // One address: its error. Several: the code of the most telling, and what the first ones said.
  Error summary() const;

  std::vector<std::pair<Multiaddr, Error>> all{};
};

}  // namespace accel::libp2p
