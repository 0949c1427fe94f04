// SPDX-License-Identifier: Apache-2.0
// Writes archives, and both ways the index of a CARv2.
#include <algorithm>
#include <tuple>

#include "accel/ipld/car.hpp"
#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/varint.hpp"
#include "car_parts.hpp"
#include "little_endian.hpp"

namespace accel::ipld {
namespace {

constexpr std::uint64_t kMultihashIndexSorted = 0x0401;
constexpr std::size_t kOffsetBytes = 8;
constexpr std::size_t kCharacteristicsBytes = 16;

// Reads the numbers and bytes of an index from its front.
class IndexReader {
 public:
  explicit IndexReader(ByteView rest) : rest_(rest) {}

  bool done() const { return rest_.empty(); }

  Result<ByteView> take(std::uint64_t bytes) {
    if (bytes > rest_.size()) {
      return fail(Errc::corrupt,
                  "The index of an archive is cut off: {} bytes are promised, {} "
                  "are left.",
                  bytes, rest_.size());
    }
    const ByteView taken = rest_.first(bytes);
    rest_ = rest_.subspan(bytes);
    return taken;
  }

  Result<std::uint64_t> number(std::size_t bytes) {
    ACCEL_TRY(const ByteView taken, take(bytes));
    return detail::little_endian(taken);
  }

 private:
  ByteView rest_;
};

// | width (u32) | bytes of all entries (u64) | digest, offset (u64) | …
Status read_bucket(IndexReader& reader, HashCode code, std::vector<CarIndexEntry>& entries) {
  ACCEL_TRY(const std::uint64_t width, reader.number(4));
  ACCEL_TRY(const std::uint64_t bytes, reader.number(8));
  if (width < kOffsetBytes || width > kOffsetBytes + kMaxDigestBytes || bytes % width != 0) {
    return fail(Errc::corrupt, "The index of an archive has {} bytes of entries of {} bytes.",
                bytes, width);
  }
  ACCEL_TRY(ByteView bucket, reader.take(bytes));
  for (; !bucket.empty(); bucket = bucket.subspan(width)) {
    auto hash = Multihash::wrap(code, bucket.first(width - kOffsetBytes));
    if (!hash)
      return fail(Errc::corrupt, "The index of an archive is broken. {}", hash.error().message);
    entries.push_back({*std::move(hash),
                       detail::little_endian(bucket.subspan(width - kOffsetBytes, kOffsetBytes))});
  }
  return {};
}

std::size_t digest_bytes(const CarIndexEntry& entry) { return entry.hash.digest().size(); }

// By hash function, then by length of the digest, then by digest.
bool comes_first(const CarIndexEntry& left, const CarIndexEntry& right) {
  const auto group = [](const CarIndexEntry& entry) {
    return std::tuple(entry.hash.code(), digest_bytes(entry));
  };
  if (group(left) != group(right)) return group(left) < group(right);
  if (left.hash != right.hash) return left.hash < right.hash;
  return left.offset < right.offset;
}

using Entries = std::span<const CarIndexEntry>;

// The entries at the front of which `key` says the same.
template <class Key>
Entries front_group(Entries entries, Key key) {
  const auto other = std::ranges::find_if(
      entries, [&](const CarIndexEntry& entry) { return key(entry) != key(entries.front()); });
  return entries.first(static_cast<std::size_t>(other - entries.begin()));
}

template <class Key>
std::uint64_t count_groups(Entries entries, Key key) {
  std::uint64_t count = 0;
  for (; !entries.empty(); ++count) entries = entries.subspan(front_group(entries, key).size());
  return count;
}

void put_bucket(Bytes& out, Entries bucket) {
  const std::size_t width = digest_bytes(bucket.front()) + kOffsetBytes;
  detail::put_little_endian(out, width, 4);
  detail::put_little_endian(out, width * bucket.size(), 8);
  for (const CarIndexEntry& entry : bucket) {
    const ByteView digest = entry.hash.digest();
    out.insert(out.end(), digest.begin(), digest.end());
    detail::put_little_endian(out, entry.offset, kOffsetBytes);
  }
}

}  // namespace

Result<std::vector<CarIndexEntry>> read_car_index(ByteView index) {
  const auto format = get_uvarint(index);
  if (!format) return fail(Errc::corrupt, "An index has no format. {}", format.error().message);
  if (format->value != kMultihashIndexSorted) {
    return fail(Errc::unsupported, "The index format 0x{:x} is not read; 0x{:x} is.", format->value,
                kMultihashIndexSorted);
  }
  IndexReader reader(index.subspan(format->size));
  std::vector<CarIndexEntry> entries;
  ACCEL_TRY(const std::uint64_t codes, reader.number(4));
  for (std::uint64_t i = 0; i < codes; ++i) {
    ACCEL_TRY(const std::uint64_t code, reader.number(8));
    ACCEL_TRY(const std::uint64_t widths, reader.number(4));
    for (std::uint64_t j = 0; j < widths; ++j) {
      ACCEL_CHECK(read_bucket(reader, static_cast<HashCode>(code), entries));
    }
  }
  if (!reader.done()) return fail(Errc::corrupt, "Something follows the index of an archive.");
  return entries;
}

Bytes encode_car_index(std::vector<CarIndexEntry> entries) {
  const auto code = [](const CarIndexEntry& entry) { return entry.hash.code(); };
  std::ranges::sort(entries, comes_first);
  Bytes out;
  put_uvarint(out, kMultihashIndexSorted);
  detail::put_little_endian(out, count_groups(entries, code), 4);
  for (Entries rest = entries; !rest.empty();) {
    Entries of_code = front_group(rest, code);
    rest = rest.subspan(of_code.size());
    detail::put_little_endian(out, static_cast<std::uint64_t>(code(of_code.front())), 8);
    detail::put_little_endian(out, count_groups(of_code, digest_bytes), 4);
    while (!of_code.empty()) {
      const Entries bucket = front_group(of_code, digest_bytes);
      of_code = of_code.subspan(bucket.size());
      put_bucket(out, bucket);
    }
  }
  return out;
}

Status CarWriter::start(std::span<const Cid> roots, Bytes& out) {
  Value::List links;
  for (const Cid& root : roots) links.push_back(Value::link(root));
  ACCEL_TRY(const Bytes header,
            encode_dag_cbor(Value::map(
                {{"roots", Value::list(std::move(links))}, {"version", Value::integer(1)}})));
  put_uvarint(out, header.size());
  out.insert(out.end(), header.begin(), header.end());
  size_bytes_ += uvarint_size(header.size()) + header.size();
  return {};
}

void CarWriter::begin_block(const Cid& cid, std::size_t block_bytes, Bytes& out) {
  if (with_index_ && !cid.is_identity()) entries_.push_back({cid.hash(), size_bytes_});
  put_uvarint(out, cid.size_bytes() + block_bytes);
  cid.append_to(out);
  size_bytes_ += section_bytes(cid, block_bytes);
}

void CarWriter::add_block(const Cid& cid, ByteView block, Bytes& out) {
  begin_block(cid, block.size(), out);
  out.insert(out.end(), block.begin(), block.end());
}

Bytes CarWriter::index() const { return encode_car_index(entries_); }

std::uint64_t CarWriter::section_bytes(const Cid& cid, std::size_t block_bytes) {
  const std::uint64_t size = cid.size_bytes() + std::uint64_t{block_bytes};
  return uvarint_size(size) + size;
}

Bytes car_v2_head(const CarV2Header& header) {
  Bytes out(detail::kCarPragma.begin(), detail::kCarPragma.end());
  out.push_back(header.fully_indexed ? detail::kCarFullyIndexed : 0);
  out.resize(detail::kCarPragma.size() + kCharacteristicsBytes);
  for (const std::uint64_t field : {header.data_offset, header.data_size, header.index_offset}) {
    detail::put_little_endian(out, field, 8);
  }
  return out;
}

}  // namespace accel::ipld
