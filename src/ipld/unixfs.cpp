// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/unixfs.hpp"

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/protobuf.hpp"
#include "views.hpp"

namespace accel::ipld {
namespace {


// message Data { DataType Type = 1; bytes Data = 2; uint64 filesize = 3; repeated uint64
// blocksizes = 4; uint64 hashType = 5; uint64 fanout = 6; uint32 mode = 7; UnixTime mtime = 8; }
enum DataField : std::uint32_t {
  kType = 1,
  kData,
  kFilesize,
  kBlocksizes,
  kHashType,
  kFanout,
  kMode,
  kMtime,
};
// message UnixTime { int64 Seconds = 1; fixed32 FractionalNanoseconds = 2; }
constexpr std::uint32_t kSeconds = 1;
constexpr std::uint32_t kNanoseconds = 2;
constexpr std::uint64_t kMaxNanoseconds = 999'999'999;

Result<UnixFsTime> read_time(ByteView message) {
  UnixFsTime time;
  bool has_seconds = false;
  for (PbReader reader(message); !reader.done();) {
    ACCEL_TRY(const PbField field, reader.next());
    if (field.number == kSeconds) {
      ACCEL_CHECK(field.expect(WireType::varint, "The seconds of a UnixFS time"));
      if (has_seconds) return fail(Errc::corrupt, "A UnixFS time has two fields of seconds.");
      time.seconds = static_cast<std::int64_t>(field.value);
      has_seconds = true;
    } else if (field.number == kNanoseconds) {
      ACCEL_CHECK(field.expect(WireType::fixed32, "The nanoseconds of a UnixFS time"));
      if (time.nanoseconds || field.value > kMaxNanoseconds) {
        return fail(Errc::corrupt, "The nanoseconds of a UnixFS time are repeated or too many.");
      }
      time.nanoseconds = static_cast<std::uint32_t>(field.value);
    }
  }
  if (!has_seconds) return fail(Errc::corrupt, "A UnixFS time has no seconds.");
  return time;
}

void put_time(Bytes& out, const UnixFsTime& time) {
  Bytes message;
  put_varint_field(message, kSeconds, static_cast<std::uint64_t>(time.seconds));
  if (time.nanoseconds) put_fixed32_field(message, kNanoseconds, *time.nanoseconds);
  put_bytes_field(out, kMtime, message);
}

Status add_blocksize(std::vector<std::uint64_t>& sizes, std::uint64_t size) {
  if (sizes.size() == kMaxLinks) {
    return fail(Errc::resource_exhausted, "A UnixFS file has more than {} parts.", kMaxLinks);
  }
  sizes.push_back(size);
  return {};
}

// One by one as everybody writes them, or packed as protobuf also allows.
Status read_blocksizes(const PbField& field, std::vector<std::uint64_t>& sizes) {
  if (field.type == WireType::varint) return add_blocksize(sizes, field.value);
  ACCEL_CHECK(field.expect(WireType::bytes, "The block sizes of a UnixFS file"));
  for (PbReader reader(field.bytes); !reader.done();) {
    ACCEL_TRY(const std::uint64_t size, reader.varint());
    ACCEL_CHECK(add_blocksize(sizes, size));
  }
  return {};
}

Status read_number(const PbField& field, std::optional<std::uint64_t>& into) {
  ACCEL_CHECK(field.expect(WireType::varint, fmt::format("UnixFS field {}", field.number)));
  into = field.value;
  return {};
}

Status read_type(const PbField& field, UnixFsNode& node) {
  ACCEL_CHECK(field.expect(WireType::varint, "The UnixFS type"));
  if (field.value > static_cast<std::uint64_t>(NodeType::hamt_shard)) {
    return fail(Errc::unsupported, "A UnixFS node of type {} is not known here.", field.value);
  }
  node.type = static_cast<NodeType>(field.value);
  return {};
}

Status read_mode(const PbField& field, UnixFsNode& node) {
  ACCEL_CHECK(field.expect(WireType::varint, "The UnixFS mode"));
  if (field.value > UINT32_MAX) return fail(Errc::corrupt, "A UnixFS mode has over 32 bits.");
  node.mode = static_cast<std::uint32_t>(field.value);
  return {};
}

Status read_field(const PbField& field, detail::UnixFsView& view) {
  switch (field.number) {
    case kType:
      return read_type(field, view.node);
    case kData:
      ACCEL_CHECK(field.expect(WireType::bytes, "The UnixFS data"));
      view.data = field.bytes;
      return {};
    case kFilesize:
      return read_number(field, view.node.filesize);
    case kBlocksizes:
      return read_blocksizes(field, view.node.blocksizes);
    case kHashType:
      return read_number(field, view.node.hash_type);
    case kFanout:
      return read_number(field, view.node.fanout);
    case kMode:
      return read_mode(field, view.node);
    case kMtime: {
      ACCEL_CHECK(field.expect(WireType::bytes, "The UnixFS time"));
      ACCEL_TRY(view.node.mtime, read_time(field.bytes));
      return {};
    }
    default:
      return {};
  }
}

}  // namespace

Bytes encode_unixfs(const UnixFsNode& node) {
  Bytes out;
  put_varint_field(out, kType, static_cast<std::uint64_t>(node.type));
  if (node.data) put_bytes_field(out, kData, *node.data);
  if (node.filesize) put_varint_field(out, kFilesize, *node.filesize);
  for (const std::uint64_t size : node.blocksizes) put_varint_field(out, kBlocksizes, size);
  if (node.hash_type) put_varint_field(out, kHashType, *node.hash_type);
  if (node.fanout) put_varint_field(out, kFanout, *node.fanout);
  detail::put_meta_fields(out, {node.mode, node.mtime});
  return out;
}

void detail::put_meta_fields(Bytes& out, const UnixFsMeta& meta) {
  if (meta.mode) put_varint_field(out, kMode, *meta.mode);
  if (meta.mtime) put_time(out, *meta.mtime);
}

Result<detail::UnixFsView> detail::view_unixfs(ByteView data) {
  UnixFsView view;
  std::uint32_t seen = 0;  // A bit for each field that may stand once.
  for (PbReader reader(data); !reader.done();) {
    ACCEL_TRY(const PbField field, reader.next());
    const std::uint32_t bit = field.number <= kMtime ? 1U << field.number : 0;
    if ((seen & bit) != 0 && field.number != kBlocksizes) {
      return fail(Errc::corrupt, "A UnixFS node has field {} twice.", field.number);
    }
    seen |= bit;
    ACCEL_CHECK(read_field(field, view));
  }
  if ((seen & (1U << kType)) == 0) return fail(Errc::corrupt, "A UnixFS node has no type.");
  return view;
}

Result<UnixFsNode> decode_unixfs(ByteView data) {
  ACCEL_TRY(detail::UnixFsView view, detail::view_unixfs(data));
  if (view.data) view.node.data = to_bytes(*view.data);
  return std::move(view.node);
}

}  // namespace accel::ipld
