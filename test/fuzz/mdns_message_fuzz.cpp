// SPDX-License-Identifier: Apache-2.0
// A datagram of mDNS from anybody on the network.
#include <cstdlib>

#include "../../src/libp2p/mdns/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accel::libp2p::mdns;
  const auto message = decode({data, size});
  if (!message) return 0;
  if (message->addresses.size() > kMaxAddresses) std::abort();
  for (const auto& address : message->addresses) {
    if (!address.peer_id()) std::abort();
  }
  const auto sender = accel::ipld::Multiaddr::of_tcp("10.0.0.1", 5353);
  for (const auto& told : peers_at(*sender, *message)) {
    for (const auto& address : told.addresses) {
      if (!(address.parts().at(0) == sender->parts().at(0))) std::abort();
    }
  }
  const auto bytes = encode_answer({"instance", message->addresses, {}, 1});
  if (!decode(bytes)) std::abort();
  return 0;
}
