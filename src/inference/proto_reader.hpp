// SPDX-License-Identifier: Apache-2.0
#pragma once
// A bounds-checked walk over protobuf's wire format, without a schema and without copying. Used by
// the ONNX reader and the skeleton writer. Ranges are offsets into the whole file, so that an error
// can say where. Spec: Protocol Buffers, "Encoding": varint, 64-bit, length-delimited, 32-bit;
// groups are not used by ONNX and are refused.

#include <cstdint>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"
#include "accel/inference/onnx_reader.hpp"

namespace accel::inference::detail {

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct ProtoField {
  std::uint32_t number = 0;
  Wire wire = Wire::varint;
  std::uint64_t value = 0;  // Of a varint.
  std::uint64_t start = 0;  // Where the tag begins.
  ByteRange payload;        // Of a length-delimited or fixed field.
};

class ProtoReader {
 public:
  // Reads the message that lies at `range` of `file`; range must lie inside (it comes from a
  // ProtoField).
  ProtoReader(ByteView file, ByteRange range)
      : file_(file), position_(range.offset), end_(range.end()) {}

  bool done() const { return position_ == end_; }
  // The next field. Errors: corrupt.
  Result<ProtoField> next();
  // One bare varint, for packed repeated fields. Errors: corrupt.
  Result<std::uint64_t> varint();

 private:
  ByteView file_;
  std::uint64_t position_;
  std::uint64_t end_;
};

std::string_view text_at(ByteView file, ByteRange range);

// Errors: corrupt when the field is not of this wire type.
Status expect_wire(const ProtoField& field, Wire wire, std::string_view what);

}  // namespace accel::inference::detail
