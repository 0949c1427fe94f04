// SPDX-License-Identifier: Apache-2.0
// The values of the store's index: any bytes; what decodes is encoded back to the same value.
#include <cstdlib>

#include "../../src/blockstore/records.hpp"

namespace {

template <class T>
void check(const accel::Result<T>& first, accel::Result<T> (*decode)(accel::ByteView)) {
  if (!first) return;
  const auto again = decode(accel::blockstore::encode(*first));
  if (!again || *again != *first) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace store = accel::blockstore;
  const accel::ByteView input(data, size);
  check(store::decode_place(input), &store::decode_place);
  check(store::decode_file(input), &store::decode_file);
  check(store::decode_pin(input), &store::decode_pin);
  static_cast<void>(store::decode_u64(input));
  return 0;
}
