// SPDX-License-Identifier: Apache-2.0
#include "partial_map.hpp"

#include <algorithm>
#include <string_view>

#include "record_bytes.hpp"

namespace accel::blockstore {
namespace {

constexpr std::string_view kMapMagic = "ACPM";
constexpr std::uint32_t kMapFormat = 1;
constexpr std::size_t kMapPadding = 8;

}  // namespace

MapSubject MapSubject::of(std::uint64_t file_bytes, const std::vector<LeafSlot>& slots) {
  crypto::Sha256 hash;
  for (const LeafSlot& slot : slots) {
    hash.update(FieldWriter().put_sized(slot.cid.bytes()).put(slot.offset).put(slot.length).take());
  }
  return {file_bytes, slots.size(), hash.finish()};
}

PartialMap::PartialMap(const MapSubject& subject)
    : subject_(subject),
      written_((subject.slot_count + 7) / 8),
      synced_((subject.slot_count + 7) / 8) {}

Result<PartialMap> PartialMap::parse(ByteView bytes) {
  FieldReader reader(bytes);
  const ByteView magic = reader.take(kMapMagic.size());
  const auto format = reader.get<std::uint32_t>();
  MapSubject subject;
  subject.file_bytes = reader.get<std::uint64_t>();
  subject.slot_count = reader.get<std::uint64_t>();
  const ByteView digest = reader.take(subject.slots_digest.size());
  reader.take(kMapPadding);
  if (!reader.ok() || as_text(magic) != kMapMagic) {
    return fail(Errc::corrupt, "The file is no map of a partial file.");
  }
  if (format != kMapFormat) {
    return fail(Errc::unsupported,
                "The map of a partial file has format {}; this version reads {}.", format,
                kMapFormat);
  }
  if (subject.slot_count > kMaxSlots || bytes.size() != file_size(subject.slot_count)) {
    return fail(Errc::corrupt, "The map of a partial file has {} bytes, but is about {} leaves.",
                bytes.size(), subject.slot_count);
  }
  std::ranges::copy(digest, subject.slots_digest.begin());
  PartialMap map(subject);
  std::ranges::copy(reader.take(map.written_.size()), map.written_.begin());
  std::ranges::copy(reader.take(map.synced_.size()), map.synced_.begin());
  return map;
}

void PartialMap::clear(std::uint64_t index) {
  const auto keep = static_cast<std::uint8_t>(~(1U << (index % 8)));
  written_[index / 8] &= keep;
  synced_[index / 8] &= keep;
}

Bytes PartialMap::encode() const {
  return FieldWriter()
      .put(as_bytes(kMapMagic))
      .put(kMapFormat)
      .put(subject_.file_bytes)
      .put(subject_.slot_count)
      .put(ByteView(subject_.slots_digest))
      .put(std::uint64_t{0})
      .put(written_)
      .put(synced_)
      .take();
}

}  // namespace accel::blockstore
