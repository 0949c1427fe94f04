// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/varint.hpp"

#include <bit>

namespace accel::ipld {
namespace {

constexpr unsigned kGroupBits = 7;
constexpr std::uint8_t kMore = 0x80;

}  // namespace

void put_uvarint(Bytes& out, std::uint64_t value) {
  while (value >= kMore) {
    out.push_back(static_cast<std::uint8_t>(value | kMore));
    value >>= kGroupBits;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

std::size_t uvarint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1U)) + kGroupBits - 1) / kGroupBits;
}

Result<Uvarint> get_uvarint(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < kMaxUvarintBytes; ++i) {
    value |= std::uint64_t{bytes[i] & 0x7FU} << (kGroupBits * i);
    if ((bytes[i] & kMore) != 0) continue;
    if (bytes[i] == 0 && i > 0) {
      return fail(Errc::invalid_argument, "A varint of {} bytes is longer than it needs to be.",
                  i + 1);
    }
    return Uvarint{value, i + 1};
  }
  if (bytes.size() < kMaxUvarintBytes) {
    return fail(Errc::invalid_argument, "The bytes end inside a varint, after {} of it.",
                bytes.size());
  }
  return fail(Errc::invalid_argument, "A varint is longer than {} bytes.", kMaxUvarintBytes);
}

}  // namespace accel::ipld
