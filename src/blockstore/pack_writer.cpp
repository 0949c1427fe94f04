// SPDX-License-Identifier: Apache-2.0
#include "pack_writer.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "locks.hpp"
#include "pack_format.hpp"
#include "tables.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kBufferBytes = 1U << 20U;  // Small records are written together.
constexpr std::size_t kMaxIdlePacks = 2;         // More writers at once are rare.
constexpr std::size_t kRowRecords = 512;         // Two parts each: as many as the system takes.

// Where the next record's data will lie; the pack ends behind it from now on.
Place next_place(OpenPack& pack, const ipld::Multihash& hash, std::size_t block_bytes) {
  Place place;
  place.kind = PlaceKind::pack;
  place.container = pack.id;
  place.offset = pack.end + record_header_bytes(hash);
  place.slice_bytes = place.block_bytes = static_cast<std::uint32_t>(block_bytes);
  pack.end = place.offset + block_bytes;
  return place;
}

// All of the parts, one after the other, over short counts and EINTR.
Status pwrite_parts(int fd, std::span<const ByteView> parts, std::uint64_t offset) {
  std::vector<iovec> left;
  for (const ByteView part : parts) {
    if (!part.empty()) left.push_back({const_cast<std::uint8_t*>(part.data()), part.size()});
  }
  for (std::size_t at = 0; at < left.size();) {
    const ssize_t written =
        ::pwritev(fd, &left[at], static_cast<int>(left.size() - at), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return fail_errno(errc_from_errno(errno), errno, "Cannot write to a pack.");
    }
    offset += static_cast<std::uint64_t>(written);
    auto rest = static_cast<std::size_t>(written);
    for (; at < left.size() && rest >= left[at].iov_len; ++at) rest -= left[at].iov_len;
    if (rest == 0) continue;
    left[at].iov_base = static_cast<std::uint8_t*>(left[at].iov_base) + rest;
    left[at].iov_len -= rest;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<OpenPack>> PackPool::acquire() {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      auto pack = std::move(idle_.back());
      idle_.pop_back();
      return pack;
    }
  }
  std::vector<std::uint64_t> candidates;
  const Status looked = index_.read([&](const Txn& txn) -> Status {
    return txn.each(Table::packs, {}, [&](ByteView key, ByteView value) -> Result<bool> {
      ACCEL_TRY(const std::uint64_t id, decode_u64(key));
      ACCEL_TRY(const std::uint64_t end, decode_u64(value));
      if (end < kPackTargetBytes) candidates.push_back(id);
      return true;
    });
  });
  ACCEL_CHECK(looked);
  for (const std::uint64_t id : candidates) {
    auto pack = reopen(id);
    if (pack && *pack != nullptr) return pack;
  }
  return create();
}

// Null when another writer holds it, or gc has removed it. A pack that cannot be opened is left to
// verify(): writing goes on in a new one.
Result<std::unique_ptr<OpenPack>> PackPool::reopen(std::uint64_t id) {
  ACCEL_TRY(auto fd, try_lock_file(layout_.pack(id), 0));
  if (!fd) return std::unique_ptr<OpenPack>{};
  auto pack = std::make_unique<OpenPack>();
  pack->id = id;
  pack->fd = std::move(*fd);
  ACCEL_TRY(auto end, index_.query([&](const Txn& txn) {
    return get_number(txn, Table::packs, encode_u64(id));
  }));
  if (!end || *end >= kPackTargetBytes) return std::unique_ptr<OpenPack>{};
  std::uint8_t header[kPackHeaderBytes];
  ACCEL_CHECK(pread_all(pack->fd.get(), header, 0));
  ACCEL_CHECK(check_pack_header(header, id));
  pack->committed_end = pack->end = *end;
  return pack;
}

Result<std::unique_ptr<OpenPack>> PackPool::create() {
  auto pack = std::make_unique<OpenPack>();
  const Status written = index_.write([&](Txn& txn) -> Status {
    ACCEL_TRY(pack->id, next_number(txn, kNextPack));
    return {};
  });
  ACCEL_CHECK(written);
  step("pack.create");
  const auto path = layout_.pack(pack->id);
  ACCEL_TRY(auto fd, try_lock_file(path, O_CREAT | O_EXCL));
  if (!fd) return fail(Errc::internal, "The new pack {} is locked.", path.string());
  pack->fd = std::move(*fd);
  ACCEL_CHECK(pwrite_all(pack->fd.get(), pack_header(pack->id), 0));
  ACCEL_CHECK(sync_file(pack->fd.get()));
  ACCEL_CHECK(sync_directory(layout_.packs()));
  pack->committed_end = pack->end = kPackHeaderBytes;
  return pack;
}

void PackPool::release(std::unique_ptr<OpenPack> pack) {
  const std::scoped_lock lock(mutex_);
  // After an operation that failed, only the index knows whether its commit reached the disk: close
  // the pack, so that the next writer asks.
  if (pack->end != pack->committed_end) return;
  if (pack->end < kPackTargetBytes && idle_.size() < kMaxIdlePacks) {
    idle_.push_back(std::move(pack));
  }
}

void PackPool::close_idle() {
  const std::scoped_lock lock(mutex_);
  idle_.clear();
}

PackSession::~PackSession() {
  for (auto& pack : packs_) pool_.release(std::move(pack));
}

Status PackSession::make_room() {
  if (!packs_.empty() && packs_.back()->end < kPackTargetBytes) return {};
  ACCEL_CHECK(flush());
  ACCEL_TRY(auto next, pool_.acquire());
  packs_.push_back(std::move(next));
  return {};
}

Result<Place> PackSession::append(const ipld::Multihash& hash, ByteView block) {
  ACCEL_CHECK(make_room());
  const Place place = next_place(*packs_.back(), hash, block.size());
  append_record(buffer_, hash, block);
  if (buffer_.size() >= kBufferBytes) ACCEL_CHECK(flush());
  return place;
}

Result<Place> PackSession::reserve(const ipld::Multihash& hash, std::size_t block_bytes) {
  ACCEL_CHECK(make_room());
  ACCEL_CHECK(flush());
  return next_place(*packs_.back(), hash, block_bytes);
}

Status PackSession::write_reserved(std::span<const Record> records) {
  for (std::size_t begin = 0; begin < records.size();) {
    const auto same_pack = [&](std::size_t i) {
      return records[i].place.container == records[begin].place.container;
    };
    std::size_t end = begin + 1;
    while (end < records.size() && end - begin < kRowRecords && same_pack(end)) ++end;
    ACCEL_CHECK(write_row(records.subspan(begin, end - begin)));
    begin = end;
  }
  return {};
}

// Records that follow each other in one pack.
Status PackSession::write_row(std::span<const Record> row) {
  const auto pack = std::ranges::find(packs_, row.front().place.container, &OpenPack::id);
  pool_.step("pack.append");
  Bytes heads;
  std::vector<std::size_t> head_ends;
  for (const Record& record : row) {
    append_record_head(heads, *record.hash, record.block.size());
    head_ends.push_back(heads.size());
  }
  std::vector<ByteView> parts;
  std::size_t head = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    parts.push_back(ByteView(heads).subspan(head, head_ends[i] - head));
    parts.push_back(row[i].block);
    head = head_ends[i];
  }
  const std::uint64_t start = row.front().place.offset - head_ends.front();
  ACCEL_CHECK(pwrite_parts((*pack)->fd.get(), parts, start));
  const std::uint64_t bytes = row.back().place.offset + row.back().place.slice_bytes - start;
  if (bytes >= kBufferBytes) {  // The disk begins at once, so that sync() has less to wait for.
    ::sync_file_range((*pack)->fd.get(), static_cast<off_t>(start), static_cast<off_t>(bytes),
                      SYNC_FILE_RANGE_WRITE);
  }
  return {};
}

Status PackSession::flush() {
  if (buffer_.empty()) return {};
  pool_.step("pack.append");
  OpenPack& pack = *packs_.back();
  ACCEL_CHECK(pwrite_all(pack.fd.get(), buffer_, pack.end - buffer_.size()));
  buffer_.clear();
  return {};
}

Status PackSession::sync() {
  ACCEL_CHECK(flush());
  for (const auto& pack : packs_) {
    if (pack->end == pack->committed_end) continue;
    pool_.step("pack.sync");
    if (::fdatasync(pack->fd.get()) != 0) {
      return fail_errno(errc_from_errno(errno), errno, "Cannot sync a pack to disk.");
    }
  }
  return {};
}

Status PackSession::record(Txn& txn) const {
  for (const auto& pack : packs_) {
    ACCEL_CHECK(txn.put(Table::packs, encode_u64(pack->id), encode_u64(pack->end)));
  }
  return {};
}

void PackSession::committed() {
  for (auto& pack : packs_) pack->committed_end = pack->end;
}

}  // namespace accel::blockstore
