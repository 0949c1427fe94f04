// SPDX-License-Identifier: Apache-2.0
#include "proto_reader.hpp"

namespace accel::inference::detail {
namespace {

constexpr int kMaxVarintBytes = 10;

}  // namespace

Result<std::uint64_t> ProtoReader::varint() {
  std::uint64_t value = 0;
  for (int index = 0; index < kMaxVarintBytes; ++index) {
    if (position_ == end_) {
      return fail(Errc::corrupt, "The file is cut off in a number at byte {}.", position_);
    }
    const std::uint8_t byte = file_[position_++];
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * index);
    if ((byte & 0x80) == 0) return value;
  }
  return fail(Errc::corrupt, "A number at byte {} is longer than {} bytes.",
              position_ - kMaxVarintBytes, kMaxVarintBytes);
}

Result<ProtoField> ProtoReader::next() {
  ProtoField field;
  field.start = position_;
  ACCEL_TRY(const std::uint64_t tag, varint());
  if (tag >> 32 != 0 || tag >> 3 == 0) {
    return fail(Errc::corrupt, "There is no field with the tag {} at byte {}.", tag, field.start);
  }
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.wire = static_cast<Wire>(tag & 7);
  std::uint64_t length = 0;
  switch (field.wire) {
    case Wire::varint: {
      const std::uint64_t begin = position_;
      ACCEL_TRY(field.value, varint());
      field.payload = {begin, position_ - begin};
      return field;
    }
    case Wire::fixed64:
      length = 8;
      break;
    case Wire::fixed32:
      length = 4;
      break;
    case Wire::bytes: {
      ACCEL_TRY(length, varint());
      break;
    }
    default:
      return fail(Errc::corrupt, "Field {} at byte {} has the unknown wire type {}.", field.number,
                  field.start, tag & 7);
  }
  if (length > end_ - position_) {
    return fail(Errc::corrupt, "Field {} at byte {} claims {} bytes; only {} are left.",
                field.number, field.start, length, end_ - position_);
  }
  field.payload = {position_, length};
  position_ += length;
  return field;
}

std::string_view text_at(ByteView file, ByteRange range) {
  return as_text(file.subspan(range.offset, range.length));
}

Status expect_wire(const ProtoField& field, Wire wire, std::string_view what) {
  if (field.wire == wire) return {};
  return fail(Errc::corrupt, "The field {} at byte {} has the wire type {} instead of {}.", what,
              field.start, static_cast<int>(field.wire), static_cast<int>(wire));
}

}  // namespace accel::inference::detail
