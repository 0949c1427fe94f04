// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/protobuf.hpp"

#include "little_endian.hpp"

namespace accel::ipld {
namespace {

constexpr std::size_t kMaxVarintBytes = 10;
constexpr std::uint64_t kMaxFieldNumber = (1U << 29U) - 1;
constexpr unsigned kTypeBits = 3;

void put_tag(Bytes& out, std::uint32_t number, WireType type) {
  put_uvarint(out, (std::uint64_t{number} << kTypeBits) | static_cast<std::uint64_t>(type));
}

}  // namespace

Status PbField::expect(WireType wanted, std::string_view what) const {
  if (type == wanted) return {};
  return fail(Errc::corrupt, "{} has wire type {} instead of {}.", what, static_cast<int>(type),
              static_cast<int>(wanted));
}

Result<std::uint64_t> PbReader::varint() {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < rest_.size() && i < kMaxVarintBytes; ++i) {
    const std::uint8_t byte = rest_[i];
    if (i + 1 == kMaxVarintBytes && byte > 1) break;  // Beyond 64 bits.
    value |= std::uint64_t{byte & 0x7FU} << (7 * i);
    if ((byte & 0x80U) != 0) continue;
    rest_ = rest_.subspan(i + 1);
    return value;
  }
  return fail(Errc::corrupt, "A varint at byte {} is cut off or too long.", position());
}

Result<ByteView> PbReader::take(std::uint64_t size) {
  if (size > rest_.size()) {
    return fail(Errc::corrupt, "A field at byte {} promises {} bytes; {} are left.", position(),
                size, rest_.size());
  }
  const ByteView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

Result<PbField> PbReader::next() {
  const std::size_t start = position();
  ACCEL_TRY(const std::uint64_t tag, varint());
  const std::uint64_t number = tag >> kTypeBits;
  if (number == 0 || number > kMaxFieldNumber) {
    return fail(Errc::corrupt, "There is no field {} in protobuf (at byte {}).", number, start);
  }
  PbField field{static_cast<std::uint32_t>(number), static_cast<WireType>(tag & 7U), 0, {}};
  switch (field.type) {
    case WireType::varint: {
      ACCEL_TRY(field.value, varint());
      return field;
    }
    case WireType::bytes: {
      ACCEL_TRY(const std::uint64_t size, varint());
      ACCEL_TRY(field.bytes, take(size));
      return field;
    }
    case WireType::fixed32:
    case WireType::fixed64: {
      ACCEL_TRY(const ByteView raw, take(field.type == WireType::fixed32 ? 4 : 8));
      field.value = detail::little_endian(raw);
      return field;
    }
  }
  return fail(Errc::corrupt, "The wire type {} at byte {} is not known.", tag & 7U, start);
}

void put_varint_field(Bytes& out, std::uint32_t number, std::uint64_t value) {
  put_tag(out, number, WireType::varint);
  put_uvarint(out, value);
}

void put_bytes_header(Bytes& out, std::uint32_t number, std::uint64_t size) {
  put_tag(out, number, WireType::bytes);
  put_uvarint(out, size);
}

void put_bytes_field(Bytes& out, std::uint32_t number, ByteView bytes) {
  put_bytes_header(out, number, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_fixed32_field(Bytes& out, std::uint32_t number, std::uint32_t value) {
  put_tag(out, number, WireType::fixed32);
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

}  // namespace accel::ipld
