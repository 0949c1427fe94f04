// SPDX-License-Identifier: Apache-2.0
// A message of Kademlia. What was read is written and read again the same.
#include <cstdlib>

#include "../../src/libp2p/kad/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accel::libp2p::kad;
  const auto message = decode({data, size});
  if (!message) return 0;
  if (message->closer.size() > kMaxCloser || message->providers.size() > kMaxProviders) {
    std::abort();
  }
  const accel::Bytes bytes = encode(*message);
  if (bytes.size() > kMaxReplyBytes) return 0;  // Numbers of peers may be written shorter.
  const auto again = decode(bytes);
  if (!again || encode(*again) != bytes) std::abort();
  const std::size_t told = encode_reply(*again).size();
  if (told > kMostTold || told > bytes.size()) std::abort();
  return 0;
}
