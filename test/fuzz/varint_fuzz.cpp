// SPDX-License-Identifier: Apache-2.0
// What get_uvarint() takes must be exactly what put_uvarint() writes.
#include <algorithm>

#include "accel/ipld/varint.hpp"

using accel::Bytes;
using accel::ByteView;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto read = accel::ipld::get_uvarint(input);
  if (!read) return 0;
  require(read->size <= accel::ipld::kMaxUvarintBytes && read->size <= size);
  require(read->value <= accel::ipld::kMaxUvarint);
  Bytes written;
  accel::ipld::put_uvarint(written, read->value);
  require(std::ranges::equal(written, input.first(read->size)));
  require(accel::ipld::uvarint_size(read->value) == read->size);
  return 0;
}
