// SPDX-License-Identifier: Apache-2.0
// The input once as text to decode and once as bytes to spell in every base.
#include "accel/ipld/multibase.hpp"

using accel::Bytes;
using accel::ByteView;
using accel::ipld::Multibase;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto bytes = accel::ipld::multibase_decode(accel::as_text(input))) {
    const auto base = static_cast<Multibase>(data[0]);
    const std::string text = accel::ipld::multibase_encode(base, *bytes);
    require(text.size() == size);  // Only the case of letters may differ.
    require(accel::ipld::multibase_decode(text).value() == *bytes);
  }
  if (size > 512) return 0;  // Base 36 and 58 are quadratic.
  for (const char prefix : std::string_view("fFbBkKzmu")) {
    const std::string text = accel::ipld::multibase_encode(static_cast<Multibase>(prefix), input);
    require(accel::ipld::multibase_decode(text).value() == accel::to_bytes(input));
  }
  return 0;
}
