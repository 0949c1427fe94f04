// SPDX-License-Identifier: Apache-2.0
#include "pack_format.hpp"

#include <algorithm>
#include <string_view>

#include "record_bytes.hpp"

namespace accel::blockstore {
namespace {

constexpr std::string_view kPackMagic = "ACPK";
constexpr std::uint32_t kPackFormat = 1;
constexpr std::uint32_t kRecordMagic = 0x424c4b31;  // "BLK1"

}  // namespace

Bytes pack_header(std::uint64_t pack_id) {
  return FieldWriter().put(as_bytes(kPackMagic)).put(kPackFormat).put(pack_id).take();
}

Status check_pack_header(ByteView bytes, std::uint64_t pack_id) {
  FieldReader reader(bytes);
  const ByteView magic = reader.take(kPackMagic.size());
  const auto format = reader.get<std::uint32_t>();
  const auto id = reader.get<std::uint64_t>();
  if (!reader.ok() || as_text(magic) != kPackMagic || id != pack_id) {
    return fail(Errc::corrupt, "Pack {:08x} does not start as a pack of that number.", pack_id);
  }
  if (format != kPackFormat) {
    return fail(Errc::unsupported, "Pack {:08x} has format {}; this version reads format {}.",
                pack_id, format, kPackFormat);
  }
  return {};
}

std::size_t record_header_bytes(const ipld::Multihash& hash) {
  return kRecordFixedBytes + hash.size_bytes();
}

void append_record_head(Bytes& out, const ipld::Multihash& hash, std::size_t data_bytes) {
  const Bytes name = hash.bytes();
  const Bytes head = FieldWriter()
                         .put(kRecordMagic)
                         .put(static_cast<std::uint32_t>(data_bytes))
                         .put(static_cast<std::uint32_t>(name.size()))
                         .put(name)
                         .take();
  out.insert(out.end(), head.begin(), head.end());
}

void append_record(Bytes& out, const ipld::Multihash& hash, ByteView data) {
  append_record_head(out, hash, data.size());
  out.insert(out.end(), data.begin(), data.end());
}

Result<PackRecord> parse_record(ByteView bytes) {
  FieldReader reader(bytes);
  const auto magic = reader.get<std::uint32_t>();
  const auto data_bytes = reader.get<std::uint32_t>();
  const auto hash_bytes = reader.get<std::uint32_t>();
  if (!reader.ok() || magic != kRecordMagic) {
    return fail(Errc::corrupt, "No record begins here in the pack.");
  }
  if (data_bytes > ipld::kMaxBlockBytes || hash_bytes > kMaxRecordHashBytes) {
    return fail(Errc::corrupt, "A record of the pack claims {} bytes of data and {} of hash.",
                data_bytes, hash_bytes);
  }
  const ByteView name = reader.take(hash_bytes);
  if (!reader.ok()) return fail(Errc::corrupt, "The pack ends inside a record's header.");
  auto hash = ipld::Multihash::from_bytes(name);
  if (!hash) return fail(Errc::corrupt, "A record of the pack is named by no multihash.");
  PackRecord record;
  record.hash = *std::move(hash);
  record.header_bytes = static_cast<std::uint32_t>(kRecordFixedBytes + hash_bytes);
  record.data_bytes = data_bytes;
  record.data = reader.take(data_bytes);
  return record;
}

}  // namespace accel::blockstore
