// SPDX-License-Identifier: Apache-2.0
// A peer that negotiates protocols: as initiator and as responder, bytes in pieces as asked for.
#include <cstdlib>

#include "../../src/libp2p/multistream.hpp"

namespace {

using namespace accel::libp2p;

void feed(Multistream machine, accel::ByteView bytes) {
  while (!bytes.empty() && !machine.agreed()) {
    const std::size_t wanted = machine.wanted();
    if (wanted == 0 || wanted > kMaxMultistreamMessage + 2) std::abort();
    const std::size_t part = std::min(wanted, bytes.size());
    if (!machine.receive(bytes.first(part))) return;
    bytes = bytes.subspan(part);
    static_cast<void>(machine.take_output());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const accel::ByteView bytes(data, size);
  feed(Multistream::initiator({"/a", "/noise", "/yamux/1.0.0"}), bytes);
  feed(Multistream::responder([](const std::string& name) { return name == "/noise"; }), bytes);
  return 0;
}
