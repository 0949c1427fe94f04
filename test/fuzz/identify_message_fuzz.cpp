// SPDX-License-Identifier: Apache-2.0
// What a peer says about itself. What was read is written and read again the same.
#include <cstdlib>

#include "../../src/libp2p/identify_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accel::libp2p;
  IdentifyMessage message;
  if (!merge_identify({data, size}, message)) return 0;
  if (message.protocols.size() > kMaxIdentifyProtocols) std::abort();
  IdentifyMessage again;
  const accel::Bytes bytes = encode_identify(message);
  // Texts that came in many parts may be longer together than one message may be.
  if (bytes.size() > kMaxIdentifyBytes) return 0;
  if (!merge_identify(bytes, again) || !(again == message)) std::abort();
  return 0;
}
