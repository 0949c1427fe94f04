// SPDX-License-Identifier: Apache-2.0
#include "records.hpp"

#include "record_bytes.hpp"

namespace accel::blockstore {
namespace {

constexpr std::uint8_t kRecordFormat = 1;
constexpr std::uint8_t kReferencedFlag = 1;
constexpr std::uint8_t kPrivateFlag = 1;
constexpr std::uint8_t kDirectFlag = 2;

tl::unexpected<Error> bad_record(std::string_view what) {
  return fail(Errc::corrupt,
              "The index holds {} that cannot be read. Run `ipfs-accelerate doctor`.", what);
}

}  // namespace

Bytes encode_u64(std::uint64_t value) { return FieldWriter().put(value).take(); }

Result<std::uint64_t> decode_u64(ByteView bytes) {
  FieldReader reader(bytes);
  const auto value = reader.get<std::uint64_t>();
  if (!reader.at_end()) return bad_record("a number");
  return value;
}

Bytes encode(const Place& place) {
  return FieldWriter()
      .put(static_cast<std::uint8_t>(place.kind))
      .put(place.container)
      .put(place.offset)
      .put(place.slice_bytes)
      .put(place.block_bytes)
      .put(place.born)
      .take();
}

Result<Place> decode_place(ByteView bytes) {
  FieldReader reader(bytes);
  Place place;
  const auto kind = reader.get<std::uint8_t>();
  place.kind = static_cast<PlaceKind>(kind);
  place.container = reader.get<std::uint64_t>();
  place.offset = reader.get<std::uint64_t>();
  place.slice_bytes = reader.get<std::uint32_t>();
  place.block_bytes = reader.get<std::uint32_t>();
  place.born = reader.get<std::uint64_t>();
  const bool sane = kind >= 1 && kind <= 3 && place.offset <= INT64_MAX &&
                    place.block_bytes >= place.slice_bytes &&
                    (place.kind == PlaceKind::wrapped || place.block_bytes == place.slice_bytes);
  if (!reader.at_end() || !sane) return bad_record("a place of a block");
  return place;
}

Bytes encode(const FileRecord& record) {
  return FieldWriter()
      .put(kRecordFormat)
      .put(static_cast<std::uint8_t>(record.referenced ? kReferencedFlag : 0))
      .put(record.stamp.size)
      .put(static_cast<std::uint64_t>(record.stamp.mtime_ns))
      .put(static_cast<std::uint64_t>(record.stamp.ctime_ns))
      .put(record.stamp.inode)
      .put(record.stamp.device)
      .put(record.born)
      .put_sized(record.root.bytes())
      .put_sized(as_bytes(record.path))
      .take();
}

Result<FileRecord> decode_file(ByteView bytes) {
  FieldReader reader(bytes);
  FileRecord record;
  const auto format = reader.get<std::uint8_t>();
  const auto flags = reader.get<std::uint8_t>();
  record.referenced = (flags & kReferencedFlag) != 0;
  record.stamp.size = reader.get<std::uint64_t>();
  record.stamp.mtime_ns = static_cast<std::int64_t>(reader.get<std::uint64_t>());
  record.stamp.ctime_ns = static_cast<std::int64_t>(reader.get<std::uint64_t>());
  record.stamp.inode = reader.get<std::uint64_t>();
  record.stamp.device = reader.get<std::uint64_t>();
  record.born = reader.get<std::uint64_t>();
  const ByteView cid = reader.take_sized();
  record.path = as_text(reader.take_sized());
  const bool sane = format == kRecordFormat && !record.path.empty() &&
                    record.path.size() <= kMaxPathBytes && record.stamp.size <= INT64_MAX &&
                    record.path.find('\0') == std::string::npos;
  auto root = ipld::Cid::from_bytes(cid);
  if (!reader.at_end() || !sane || !root) return bad_record("a file");
  record.root = *std::move(root);
  return record;
}

Bytes encode(const PinRecord& record) {
  return FieldWriter()
      .put(kRecordFormat)
      .put(static_cast<std::uint8_t>((record.is_private ? kPrivateFlag : 0U) |
                                     (record.direct ? kDirectFlag : 0U)))
      .put(record.bytes)
      .put(static_cast<std::uint64_t>(record.added_ns))
      .put_sized(record.root.bytes())
      .put_sized(as_bytes(record.name))
      .take();
}

Result<PinRecord> decode_pin(ByteView bytes) {
  FieldReader reader(bytes);
  PinRecord record;
  const auto format = reader.get<std::uint8_t>();
  const auto flags = reader.get<std::uint8_t>();
  record.is_private = (flags & kPrivateFlag) != 0;
  record.direct = (flags & kDirectFlag) != 0;
  record.bytes = reader.get<std::uint64_t>();
  record.added_ns = static_cast<std::int64_t>(reader.get<std::uint64_t>());
  const ByteView cid = reader.take_sized();
  record.name = as_text(reader.take_sized());
  auto root = ipld::Cid::from_bytes(cid);
  const bool sane = format == kRecordFormat && record.name.size() <= kMaxPinNameBytes;
  if (!reader.at_end() || !sane || !root) return bad_record("a pin");
  record.root = *std::move(root);
  return record;
}

}  // namespace accel::blockstore
