// SPDX-License-Identifier: Apache-2.0
// The bitmap beside a partial file: any bytes; what parses is written back the same, bit by bit.
#include <algorithm>
#include <cstdlib>

#include "../../src/blockstore/partial_map.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace store = accel::blockstore;
  auto map = store::PartialMap::parse({data, size});
  if (!map) return 0;
  const std::uint64_t slots = map->subject().slot_count;
  const auto back = store::PartialMap::parse(map->encode());
  if (!back || back->subject() != map->subject()) std::abort();
  for (std::uint64_t i = 0; i < slots; ++i) {
    if (back->written(i) != map->written(i) || back->synced(i) != map->synced(i)) std::abort();
  }
  if (slots > 0) {
    map->set_written(slots - 1);
    if (!map->written(slots - 1)) std::abort();
    map->clear(slots - 1);
    if (map->written(slots - 1) || map->synced(slots - 1)) std::abort();
  }
  return 0;
}
