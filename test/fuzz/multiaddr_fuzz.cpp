// SPDX-License-Identifier: Apache-2.0
// Addresses from peers: as bytes and as text. What is read is written the same way again.
#include <cstdlib>

#include "accel/ipld/multiaddr.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using accel::ipld::Multiaddr;
  const accel::ByteView bytes(data, size);
  if (const auto address = Multiaddr::from_bytes(bytes)) {
    const auto again = Multiaddr::parse(address->to_string());
    // A name for p2p of older days and a longer varint have one form each, the canonical one.
    if (!again || again->to_string() != address->to_string()) std::abort();
    static_cast<void>(address->tcp());
    static_cast<void>(address->peer_id());
    if (address->without_peer().bytes().size() > address->bytes().size()) std::abort();
  }
  if (const auto address = Multiaddr::parse(accel::as_text(bytes))) {
    const auto again = Multiaddr::from_bytes(address->bytes());
    if (!again || *again != *address) std::abort();
  }
  return 0;
}
