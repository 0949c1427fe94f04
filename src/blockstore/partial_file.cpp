// SPDX-License-Identifier: Apache-2.0
#include "accel/blockstore/partial_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/file_layout.hpp"
#include "accel/ipld/node_view.hpp"
#include "block_reader.hpp"
#include "blocks.hpp"
#include "clone.hpp"
#include "locks.hpp"
#include "partial_impl.hpp"
#include "quota.hpp"
#include "tables.hpp"

namespace accel::blockstore {
namespace {

// Data is synced each time so much has been written: what a power cut can cost is hashed again
// within a fraction of a second.
constexpr std::uint64_t kCheckpointBytes = 64ULL << 20U;
constexpr std::uint64_t kWriteBackBytes = 8ULL
                                          << 20U;      // The disk begins to take so much at a time.
constexpr std::uint64_t kReserveBytes = 16ULL << 20U;  // Disk blocks are asked for so far ahead.

Status check_request(const PartialRequest& request) {
  std::uint64_t end = 0;
  for (const LeafSlot& slot : request.slots) {
    const bool fits = slot.offset == end && slot.length <= ipld::kMaxBlockBytes &&
                      (slot.length > 0 || request.file_bytes == 0);
    if (!fits) {
      return fail(Errc::invalid_argument, "The leaves of {} leave a gap or overlap at offset {}.",
                  request.root, end);
    }
    end += slot.length;
  }
  if (end != request.file_bytes || request.slots.empty() || request.slots.size() > kMaxSlots) {
    return fail(Errc::invalid_argument, "The {} leaves of {} hold {} bytes, not {}.",
                request.slots.size(), request.root, end, request.file_bytes);
  }
  return {};
}

bool is_wrapped(const LeafSlot& slot) { return slot.cid.codec() == ipld::Codec::dag_pb; }

}  // namespace

Result<std::unique_ptr<PartialFile::Impl>> PartialFile::Impl::open(StoreCore& core,
                                                                   PartialRequest request) {
  ACCEL_CHECK(check_request(request));
  if (!request.lock) {
    auto lock = take_own_lock(core.layout.part_lock(request.root));
    if (!lock && lock.error().code == Errc::unavailable) {
      return fail(Errc::unavailable,
                  "{} is being fetched already, by this or another process. Wait until it is done.",
                  request.root);
    }
    if (!lock) return fail(std::move(lock).error());
    request.lock = std::move(*lock);
  }
  std::unique_ptr<Impl> impl(
      new Impl(core, std::move(request)));  // tidy: raw-new: private constructor
  ACCEL_CHECK(impl->open_files());
  ACCEL_CHECK(impl->resume());
  ACCEL_CHECK(impl->copy_from_store());
  return impl;
}

PartialFile::Impl::~Impl() {
  if (!committed_ && unsynced_bytes_ > 0) static_cast<void>(checkpoint());  // Or it is re-hashed.
}

Status PartialFile::Impl::open_files() {
  const Layout& layout = core_.layout;
  ACCEL_CHECK(take_back_orphan());
  ::chmod(layout.part(request_.root).c_str(),
          0600);  // A commit that was cut short left it read-only.
  ACCEL_TRY(part_, open_file(layout.part(request_.root), O_RDWR | O_CREAT | O_NOFOLLOW));
  struct stat info{};
  if (::fstat(part_.get(), &info) != 0) {
    return fail_errno(Errc::io, errno, "Cannot stat a partial file.");
  }
  const auto counted = static_cast<std::uint64_t>(info.st_size);
  if (!request_.in_part && counted < request_.file_bytes) {
    ACCEL_CHECK(make_room(core_, request_.file_bytes - counted));
  }
  const auto on_disk = static_cast<std::uint64_t>(info.st_blocks) * 512;
  if (!request_.in_part && on_disk < request_.file_bytes) {
    ACCEL_CHECK(require_room(layout.directory, request_.file_bytes - on_disk,
                             fmt::format("the file {}", request_.root)));
  }
  return {};
}

// A crash between rename and index commit leaves the complete file in files/, which the index does
// not name: it goes back and is taken up as any partial file.
Status PartialFile::Impl::take_back_orphan() {
  const auto part = core_.layout.part(request_.root);
  const auto target = core_.layout.directory / core_.layout.file_path(request_.root);
  if (::access(part.c_str(), F_OK) == 0 || ::access(target.c_str(), F_OK) != 0) return {};
  return core_.index->write([&](Txn& txn) -> Status {
    ACCEL_TRY(const auto stored, files_of_root(txn, request_.root));
    const bool named = std::any_of(stored.begin(), stored.end(),
                                   [](const StoredFile& file) { return !file.record.referenced; });
    if (named) return {};
    if (::rename(target.c_str(), part.c_str()) != 0 || ::chmod(part.c_str(), 0600) != 0) {
      return fail_errno(errc_from_errno(errno), errno,
                        fmt::format("Cannot take up the partial file {}.", part.string()));
    }
    return {};
  });
}

Status PartialFile::Impl::resume() {
  const auto map_path = core_.layout.part_map(request_.root);
  std::vector<std::size_t> suspects;
  const auto bytes = read_file(map_path, PartialMap::file_size(kMaxSlots));
  const auto found = bytes ? PartialMap::parse(*bytes) : fail(bytes.error());
  const bool usable = found && found->subject() == map_.subject();
  struct stat info{};
  const bool has_data = ::fstat(part_.get(), &info) == 0 && info.st_blocks > 0;
  // Without a usable map nothing is believed: whatever data there is, is hashed.
  for (std::size_t i = 0; has_data && i < request_.slots.size(); ++i) {
    if (usable && !found->written(i)) continue;
    map_.set_written(i);
    if (!usable || !found->synced(i)) suspects.push_back(i);
  }
  if (::ftruncate(part_.get(), static_cast<off_t>(request_.file_bytes)) != 0) {
    return fail_errno(errc_from_errno(errno), errno, "Cannot give a partial file its size.");
  }
  ACCEL_CHECK(recheck(suspects));
  for (std::size_t i = 0; i < request_.slots.size(); ++i) {
    if (!map_.written(i)) continue;
    have_bytes_ += request_.slots[i].length;
    if (usable && found->synced(i)) map_.set_synced(i);
  }
  resumed_ = have_bytes_;
  core_.step("partial.map");
  ACCEL_CHECK(write_file_atomic(map_path, map_.encode()));
  ACCEL_TRY(map_file_, open_file(map_path, O_RDWR | O_NOFOLLOW));
  return {};
}

// Whether the bytes in the partial file are the leaf.
Result<bool> PartialFile::Impl::holds(std::size_t index) const {
  const LeafSlot& slot = request_.slots[index];
  Bytes payload(slot.length);
  if (const Status read = pread_all(part_.get(), payload, slot.offset); !read) {
    if (read.error().code == Errc::corrupt) return false;  // The file was cut.
    return fail(read.error());
  }
  if (is_wrapped(slot)) payload = ipld::leaf_block(ipld::unixfs_v0_2015(), payload);
  return ipld::verify(slot.cid.hash(), payload);
}

Status PartialFile::Impl::recheck(const std::vector<std::size_t>& suspects) {
  std::vector<std::uint8_t> good(suspects.size());
  const HashPool::Body body = [&](std::size_t, std::size_t i) -> Status {
    ACCEL_TRY(const bool held, holds(suspects[i]));
    good[i] = held ? 1 : 0;
    return {};
  };
  ACCEL_CHECK(core_.hashing->for_each(suspects.size(), body, request_.stop));
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    if (good[i] == 0) map_.clear(suspects[i]);
  }
  return {};
}

Status PartialFile::Impl::copy_from_store() {
  for (std::size_t i = 0; i < request_.slots.size(); ++i) {
    if (request_.stop.stop_requested()) {
      return fail(Errc::cancelled, "The copy of {} was stopped; the next one goes on from there.",
                  request_.root);
    }
    if (have(i)) continue;
    const auto block = read_block(core_, request_.slots[i].cid);
    if (!block) continue;  // Absent or damaged here: it is fetched.
    ACCEL_CHECK(write_leaf(i, *block));
    copied_ += request_.slots[i].length;
  }
  return {};
}

bool PartialFile::Impl::have(std::size_t index) const {
  const std::scoped_lock lock(mutex_);
  return index < request_.slots.size() && map_.written(index);
}

std::uint64_t PartialFile::Impl::bytes_have() const {
  const std::scoped_lock lock(mutex_);
  return have_bytes_;
}

// The file bytes in a verified leaf block.
Result<Bytes> PartialFile::Impl::payload_of(std::size_t index, ByteView block) {
  const LeafSlot& slot = request_.slots[index];
  ACCEL_TRY(const ipld::NodeView view, ipld::decode_node(slot.cid, block));
  const bool leaf =
      view.is_file() && view.children.empty() && view.inline_data.size() == slot.length;
  if (!leaf) {
    return fail(Errc::corrupt, "Block {} is no leaf of {} bytes, as the file {} needs at {}.",
                slot.cid, slot.length, request_.root, slot.offset);
  }
  Bytes payload = to_bytes(view.inline_data);
  // A frame that is not the usual one cannot be rebuilt from the file: that block is kept whole.
  const Bytes rebuilt = ipld::leaf_block(ipld::unixfs_v0_2015(), payload);
  if (!std::ranges::equal(rebuilt, block)) {
    ACCEL_CHECK(put_blocks(core_, {{slot.cid, block}}, {.is_private = request_.is_private}));
  }
  return payload;
}

Status PartialFile::Impl::write_leaf(std::size_t index, ByteView block, Hashed hashed) {
  if (index >= request_.slots.size() || committed_) {
    return fail(Errc::invalid_argument, "The file {} takes no leaf {}.", request_.root, index);
  }
  if (have(index)) return {};
  const LeafSlot& slot = request_.slots[index];
  if (hashed == Hashed::not_yet) ACCEL_CHECK(ipld::verify_block(slot.cid, block));
  if (is_wrapped(slot)) {
    ACCEL_TRY(const Bytes payload, payload_of(index, block));
    ACCEL_CHECK(write_payload(payload, slot.offset));
    return mark(index);
  }
  if (block.size() != slot.length) {
    return fail(Errc::corrupt, "Leaf {} has {} bytes, but the file {} has room for {} at {}.",
                slot.cid, block.size(), request_.root, slot.length, slot.offset);
  }
  ACCEL_CHECK(write_payload(block, slot.offset));
  return mark(index);
}

Status PartialFile::Impl::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  const std::uint64_t end = offset + out.size();
  if (offset > request_.file_bytes || out.size() > request_.file_bytes - offset) {
    return fail(Errc::invalid_argument, "The file {} ends before byte {}.", request_.root, end);
  }
  auto slot = std::ranges::upper_bound(request_.slots, offset, {}, &LeafSlot::offset);
  if (slot != request_.slots.begin()) --slot;
  for (; slot != request_.slots.end() && slot->offset < end; ++slot) {
    if (have(static_cast<std::size_t>(slot - request_.slots.begin()))) continue;
    return fail(Errc::unavailable, "The leaf {} of {} is not here yet.", slot->cid, request_.root);
  }
  return pread_all(part_.get(), out, offset);
}

// One at a time: the kernel lets only one in, and the others would spin on its lock meanwhile.
Status PartialFile::Impl::write_payload(ByteView payload, std::uint64_t offset) {
  const std::scoped_lock lock(write_mutex_);
  ACCEL_CHECK(reserve_around(offset));
  return pwrite_all(part_.get(), payload, offset);
}

// With write_mutex_ held. Not for the whole file at once: of some only a few tensors are fetched.
Status PartialFile::Impl::reserve_around(std::uint64_t offset) {
  const std::uint64_t piece = offset / kReserveBytes;
  if (request_.file_bytes < kWriteBackBytes || !reserved_.insert(piece).second) return {};
  const std::uint64_t start = piece * kReserveBytes;
  return reserve_space(part_.get(), start, std::min(kReserveBytes, request_.file_bytes - start));
}

Status PartialFile::Impl::mark(std::size_t index) {
  bool due = false;
  bool enough = false;
  {
    const std::scoped_lock lock(mutex_);
    if (map_.written(index)) return {};  // Another thread was faster with the same leaf.
    core_.step("partial.mark");
    map_.set_written(index);
    const std::uint8_t byte = map_.written_byte(index);
    ACCEL_CHECK(pwrite_all(map_file_.get(), {&byte, 1}, map_.written_offset(index)));
    have_bytes_ += request_.slots[index].length;
    const std::uint64_t before = unsynced_bytes_;
    unsynced_bytes_ += request_.slots[index].length;
    enough = before / kWriteBackBytes != unsynced_bytes_ / kWriteBackBytes;
    due = unsynced_bytes_ >= kCheckpointBytes;
  }
  if (enough) begin_write_back(part_.get(), 0, 0);
  if (!due || !sync_mutex_.try_lock()) return {};
  const std::unique_lock syncing(sync_mutex_, std::adopt_lock);
  return checkpoint();
}

// With sync_mutex_ held, or alone: syncs the data, then says so in the map.
Status PartialFile::Impl::checkpoint() {
  Bytes written;
  {
    const std::scoped_lock lock(mutex_);
    written = map_.written_bits();
    unsynced_bytes_ = 0;
  }
  core_.step("partial.sync");
  if (::fdatasync(part_.get()) != 0) {
    return fail_errno(errc_from_errno(errno), errno, "Cannot sync a partial file to disk.");
  }
  const std::scoped_lock lock(mutex_);
  map_.set_all_synced(written);
  return pwrite_all(map_file_.get(), written, map_.synced_offset());
}

Result<StagedFile> PartialFile::Impl::stage() {
  if (::fchmod(part_.get(), owned_mode(request_.is_private)) != 0) {
    return fail_errno(errc_from_errno(errno), errno, "Cannot make a stored file read-only.");
  }
  core_.step("partial.complete");
  ACCEL_CHECK(sync_file(part_.get()));
  StagedFile file;
  ACCEL_TRY(const FileStamp stamp, stamp_of(part_.get()));
  file.source = core_.layout.part(request_.root);
  file.record = {request_.root, core_.layout.file_path(request_.root), false, stamp, 0};
  file.leaf_count = request_.slots.size();
  file.leaf = [this](std::size_t index) {
    const LeafSlot& slot = request_.slots[index];
    const ipld::ImportProfile& profile =
        is_wrapped(slot) ? ipld::unixfs_v0_2015() : ipld::unixfs_v1_2025();
    const ipld::LeafFrame frame = ipld::leaf_frame(profile, slot.length);
    const auto block = slot.length + frame.prefix.size() + frame.suffix.size();
    return StagedLeaf{slot.cid.hash(), slot.offset, slot.length, static_cast<std::uint32_t>(block),
                      is_wrapped(slot)};
  };
  const FileRecord* const record = &file.record;
  ACCEL_CHECK(prepare_folders(core_, {&record, 1}));
  return file;
}

Status PartialFile::Impl::commit() {
  if (committed_) return {};
  std::size_t have_count = 0;
  for (std::size_t i = 0; i < request_.slots.size(); ++i) have_count += have(i) ? 1U : 0U;
  if (have_count != request_.slots.size()) {
    return fail(Errc::unavailable, "{} of the {} leaves of {} are missing.",
                request_.slots.size() - have_count, request_.slots.size(), request_.root);
  }
  ACCEL_CHECK(check_slots(core_, request_));
  const std::scoped_lock syncing(sync_mutex_);
  ACCEL_CHECK(checkpoint());
  std::vector<StagedFile> files;
  ACCEL_TRY(files.emplace_back(), stage());
  if (const Status written = write_index(files); !written) {
    give_back(files.front());
    return written;
  }
  core_.step("index.committed");
  committed_ = true;
  ::unlink(core_.layout.part_map(request_.root).c_str());
  return {};
}

Status PartialFile::Impl::write_index(std::vector<StagedFile>& files) {
  return core_.index->write([&](Txn& txn) -> Status {
    ACCEL_CHECK(move_into_place(core_, files.front()));
    ACCEL_CHECK(sync_folders(core_, files));
    ACCEL_CHECK(index_file(txn, files.front()));
    for (const LeafSlot& slot : request_.slots) {
      if (!request_.is_private) break;
      ACCEL_CHECK(txn.put(Table::hidden, slot.cid.hash().bytes(), {}));
    }
    core_.step("index.commit");
    return {};
  });
}

// After a commit that failed the file goes back to partial/, if the index does not name it.
void PartialFile::Impl::give_back(const StagedFile& file) {
  if (file.moved) static_cast<void>(take_back_orphan());  // If not now, then on the next begin.
  ::fchmod(part_.get(), 0600);
}

PartialFile::PartialFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PartialFile::~PartialFile() = default;
const std::vector<LeafSlot>& PartialFile::slots() const { return impl_->slots(); }
bool PartialFile::have(std::size_t index) const { return impl_->have(index); }
bool PartialFile::complete() const { return missing().empty(); }
std::uint64_t PartialFile::bytes_total() const { return impl_->file_bytes(); }
std::uint64_t PartialFile::bytes_have() const { return impl_->bytes_have(); }
std::uint64_t PartialFile::bytes_resumed() const { return impl_->bytes_resumed(); }
std::uint64_t PartialFile::bytes_copied() const { return impl_->bytes_copied(); }
Status PartialFile::write_leaf(std::size_t index, ByteView block, Hashed hashed) {
  return impl_->write_leaf(index, block, hashed);
}
Status PartialFile::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  return impl_->read(offset, out);
}
Status PartialFile::commit() { return impl_->commit(); }

std::vector<std::size_t> PartialFile::missing() const {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < impl_->slots().size(); ++i) {
    if (!impl_->have(i)) result.push_back(i);
  }
  return result;
}

}  // namespace accel::blockstore
