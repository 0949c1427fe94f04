// SPDX-License-Identifier: Apache-2.0
// An archive reads the same however it is cut (the first byte says into which pieces), its sections
// can be written again, and an index is written as it was read.
#include "accel/ipld/car.hpp"

#include <algorithm>

using accel::Bytes;
using accel::ByteView;
using accel::ipld::CarReader;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

struct Read {
  std::vector<accel::ipld::CarIndexEntry> entries;
  std::size_t data_bytes = 0;
  std::string error;
};

void drain(CarReader& reader, Read& read) {
  while (read.error.empty()) {
    const auto block = reader.next();
    if (!block) read.error = block.error().message;
    if (!block || !*block) return;
    Bytes head;
    accel::ipld::CarWriter().begin_block((*block)->cid, (*block)->data.size(), head);
    require((*block)->offset >= read.data_bytes);
    read.data_bytes += (*block)->data.size();
    read.entries.push_back({(*block)->cid.hash(), (*block)->offset});
    (void)accel::ipld::verify_car_block(**block);
  }
}

Read read_in_pieces(ByteView bytes, std::size_t piece) {
  CarReader reader({.max_header_bytes = 4096, .max_block_bytes = 4096, .max_padding_bytes = 4096});
  Read read;
  while (!bytes.empty()) {
    const ByteView front = bytes.first(std::min(piece, bytes.size()));
    reader.feed(front);
    drain(reader, read);
    bytes = bytes.subspan(front.size());
  }
  reader.finish();
  drain(reader, read);
  require(reader.done() == read.error.empty());
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  const Read whole = read_in_pieces(bytes, SIZE_MAX);
  const Read pieces = read_in_pieces(bytes, std::size_t{data[0]} + 1);
  require(whole.entries == pieces.entries && whole.error == pieces.error);
  const Bytes index = accel::ipld::encode_car_index(whole.entries);
  require(accel::ipld::read_car_index(index).value().size() == whole.entries.size());
  if (const auto entries = accel::ipld::read_car_index(bytes)) {
    const Bytes sorted = accel::ipld::encode_car_index(*entries);
    require(accel::ipld::encode_car_index(*accel::ipld::read_car_index(sorted)) == sorted);
  }
  return 0;
}
