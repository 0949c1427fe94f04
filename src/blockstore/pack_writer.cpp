// SPDX-License-Identifier: Apache-2.0
#include "pack_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "locks.hpp"
#include "pack_format.hpp"
#include "tables.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kBufferBytes = 1U << 20U;  // Small records are written together.
constexpr std::size_t kMaxIdlePacks = 2;         // More writers at once are rare.

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

Result<Place> PackSession::append(const ipld::Multihash& hash, ByteView block) {
  if (packs_.empty() || packs_.back()->end >= kPackTargetBytes) {
    ACCEL_CHECK(flush());
    ACCEL_TRY(auto next, pool_.acquire());
    packs_.push_back(std::move(next));
  }
  OpenPack& pack = *packs_.back();
  Place place;
  place.kind = PlaceKind::pack;
  place.container = pack.id;
  place.offset = pack.end + record_header_bytes(hash);
  place.slice_bytes = place.block_bytes = static_cast<std::uint32_t>(block.size());
  append_record(buffer_, hash, block);
  pack.end = place.offset + block.size();
  if (buffer_.size() >= kBufferBytes) ACCEL_CHECK(flush());
  return place;
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
