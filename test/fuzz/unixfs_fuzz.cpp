// SPDX-License-Identifier: Apache-2.0
// decode -> encode -> decode must end where it began.
#include "accel/ipld/unixfs.hpp"

using accel::Bytes;
using accel::ByteView;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto node = accel::ipld::decode_unixfs(ByteView(data, size));
  if (!node) return 0;
  const Bytes canonical = accel::ipld::encode_unixfs(*node);
  const auto again = accel::ipld::decode_unixfs(canonical);
  require(again.has_value() && *again == *node);
  require(accel::ipld::encode_unixfs(*again) == canonical);
  return 0;
}
