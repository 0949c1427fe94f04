// SPDX-License-Identifier: Apache-2.0
#pragma once
// Just enough of the wire format of protobuf for dag-pb, UnixFS and the messages of libp2p. Pure.
// Spec: protobuf.dev "Encoding". Varints have up to ten bytes here, and need not be minimal: that
// is what other readers take, and blocks are named by their bytes anyway.

#include <cstdint>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/ipld/varint.hpp"

namespace accel::ipld {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct PbField {
  std::uint32_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t value = 0;  // varint, fixed32, fixed64.
  ByteView bytes;           // bytes: borrows from what is read.

  // Errors: corrupt (another wire type; `what` names the message and field).
  Status expect(WireType wanted, std::string_view what) const;
};

// Walks the fields of one message.
class PbReader {
 public:
  explicit PbReader(ByteView message) : rest_(message), size_(message.size()) {}

  bool done() const { return rest_.empty(); }
  // Errors: corrupt (cut off, a length beyond the end, a group, field number 0).
  Result<PbField> next();
  // A bare varint, as packed fields hold them. Errors: corrupt.
  Result<std::uint64_t> varint();

 private:
  Result<ByteView> take(std::uint64_t size);
  std::size_t position() const { return size_ - rest_.size(); }

  ByteView rest_;
  std::size_t size_;
};

void put_varint_field(Bytes& out, std::uint32_t number, std::uint64_t value);
void put_bytes_field(Bytes& out, std::uint32_t number, ByteView bytes);
void put_fixed32_field(Bytes& out, std::uint32_t number, std::uint32_t value);
// The tag and length of a bytes field, without the bytes.
void put_bytes_header(Bytes& out, std::uint32_t number, std::uint64_t size);

}  // namespace accel::ipld
