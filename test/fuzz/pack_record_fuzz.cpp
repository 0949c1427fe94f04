// SPDX-License-Identifier: Apache-2.0
// Pack headers and records: any bytes; what parses is written back the same.
#include <cstdlib>

#include "../../src/blockstore/pack_format.hpp"

using accel::Bytes;
using accel::ByteView;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace store = accel::blockstore;
  const ByteView input(data, size);
  static_cast<void>(store::check_pack_header(input, 1));
  ByteView rest = input;
  while (!rest.empty()) {
    const auto record = store::parse_record(rest);
    if (!record) break;
    const std::size_t whole = record->header_bytes + record->data.size();
    if (whole > rest.size()) std::abort();
    if (record->data.size() == record->data_bytes) {
      Bytes again;
      store::append_record(again, record->hash, record->data);
      const auto back = store::parse_record(again);
      if (!back || back->hash != record->hash || back->data_bytes != record->data_bytes) {
        std::abort();
      }
    }
    rest = rest.subspan(whole);
  }
  return 0;
}
