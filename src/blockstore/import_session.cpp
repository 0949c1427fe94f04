// SPDX-License-Identifier: Apache-2.0
#include "import_session.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "block_reader.hpp"
#include "pins.hpp"
#include "tables.hpp"

namespace accel::blockstore {

Status ImportSession::add_block(const ipld::Cid& cid, ByteView block) {
  if (cid.is_identity()) return {};
  if (!seen_.emplace(as_text(cid.hash().bytes())).second) return {};
  if (reuse_ && read_block(core_, cid)) {
    reused_blocks_.push_back(cid.hash());
    return {};
  }
  ACCEL_TRY(const Place place, packs_.append(cid.hash(), block));
  blocks_.push_back({cid.hash(), place});
  return {};
}

Result<std::filesystem::path> ImportSession::new_file_path() {
  if (!temporary_) {
    ACCEL_TRY(auto folder, TemporaryFolder::make(core_.layout));
    temporary_.emplace(std::move(folder));
  }
  return temporary_->next_path();
}

Result<bool> ImportSession::has_intact_file(const FileRecord& record) {
  ACCEL_TRY(auto stored,
            core_.index->query([&](const Txn& txn) { return files_of_root(txn, record.root); }));
  for (const StoredFile& file : stored) {
    if (file.record.referenced && file.record.path != record.path) continue;
    const auto opened = open_stored(core_.layout, file.record);
    if (opened && (opened->trusted || file.record.referenced)) return true;
  }
  return false;
}

Status ImportSession::add_file(StagedFile file) {
  if (reuse_) {
    ACCEL_TRY(const bool intact, has_intact_file(file.record));
    if (intact) {
      if (!file.record.referenced) ::unlink(file.source.c_str());
      reused_files_.push_back(std::move(file));
      return {};
    }
  }
  files_.push_back(std::move(file));
  return {};
}

Status ImportSession::sync() {
  core_.step("import.sync");
  ACCEL_CHECK(packs_.sync());
  std::vector<const FileRecord*> records;
  std::vector<const StagedFile*> owned;
  for (const StagedFile& file : files_) {
    if (file.record.referenced) continue;
    records.push_back(&file.record);
    owned.push_back(&file);
  }
  ACCEL_CHECK(prepare_folders(core_, records));
  if (owned.size() > kMaxSingleSyncs) return sync_file_system(core_);
  for (const StagedFile* file : owned) {
    ACCEL_TRY(const UniqueFd fd, open_file(file->source, O_RDONLY));
    ACCEL_CHECK(sync_file(fd.get()));
  }
  return {};
}

Status ImportSession::check_reused(const Txn& txn) {
  const auto gone = [this] {
    gone_ = true;
    return fail(Errc::unavailable,
                "A block that was to be shared was freed by gc meanwhile. Add it again.");
  };
  for (const ipld::Multihash& hash : reused_blocks_) {
    ACCEL_TRY(const bool there, has_block(txn, hash));
    if (!there) return gone();
  }
  for (const StagedFile& file : reused_files_) {
    ACCEL_TRY(const auto stored, files_of_root(txn, file.record.root));
    if (stored.empty()) return gone();
  }
  return {};
}

Status ImportSession::hide_all(Txn& txn) {
  const auto hide = [&](const ipld::Multihash& hash) {
    return txn.put(Table::hidden, hash.bytes(), {});
  };
  for (const PackedBlock& block : blocks_) ACCEL_CHECK(hide(block.hash));
  for (const ipld::Multihash& hash : reused_blocks_) ACCEL_CHECK(hide(hash));
  for (const auto* files : {&files_, &reused_files_}) {
    for (const StagedFile& file : *files) {
      for (std::size_t i = 0; i < file.leaf_count; ++i) ACCEL_CHECK(hide(file.leaf(i).hash));
    }
  }
  return {};
}

Status ImportSession::write_index(Txn& txn, const PinRecord& pin) {
  ACCEL_CHECK(check_reused(txn));
  for (StagedFile& file : files_) ACCEL_CHECK(move_into_place(core_, file));
  ACCEL_CHECK(sync_folders(core_, files_));
  for (const PackedBlock& block : blocks_) ACCEL_CHECK(add_place(txn, block.hash, block.place));
  ACCEL_CHECK(packs_.record(txn));
  for (const StagedFile& file : files_) ACCEL_CHECK(index_file(txn, file));
  ACCEL_TRY(const PinRecord merged, merge_pin(txn, pin));
  ACCEL_CHECK(put_pin(txn, merged));
  if (merged.is_private) ACCEL_CHECK(hide_all(txn));
  core_.step("index.commit");
  return {};
}

Status ImportSession::commit(const PinRecord& pin) {
  ACCEL_CHECK(sync());
  const Status written =
      core_.index->write([&](Txn& txn) -> Status { return write_index(txn, pin); });
  if (!written) {
    discard_moved(core_, files_);
    return written;
  }
  packs_.committed();
  core_.step("index.committed");
  settle_privacy(core_);
  return {};
}

}  // namespace accel::blockstore
