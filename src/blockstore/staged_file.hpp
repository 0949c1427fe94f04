// SPDX-License-Identifier: Apache-2.0
#pragma once
// The last step of every way into files/: a synced file is renamed to its place and indexed with
// all its leaves in one transaction. Private to blockstore; used by the importer, partial files and
// ensure_file(). Spec: docs/formats/store.md, "Durability".

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "accel/ipld/multihash.hpp"
#include "index.hpp"
#include "records.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

struct StagedLeaf {
  ipld::Multihash hash;
  std::uint64_t offset = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t block_bytes = 0;
  bool wrapped = false;  // The block is unixfs-v0's frame around the payload.
};

struct StagedFile {
  std::filesystem::path source;  // Where its synced bytes lie; unused for a referenced file.
  FileRecord record;             // record.path and stamp are complete.
  std::size_t leaf_count = 0;
  std::function<StagedLeaf(std::size_t)> leaf;
  bool moved = false;  // Set by move_into_place(): a transaction may run twice.
};

// Mode of an owned file: nobody writes to it.
unsigned owned_mode(bool is_private);
// With more new files than this, one sync of the file system is cheaper than one for each of them
// and of their folders.
inline constexpr std::size_t kMaxSingleSyncs = 32;
// Makes the folders files/ab of these files durable, before the transaction.
Status prepare_folders(const StoreCore& core, std::span<const FileRecord* const> records);
// Inside the write transaction, so that gc never takes the file for an orphan.
Status move_into_place(const StoreCore& core, StagedFile& file);
// After all renames and before the commit: the folders' entries are on disk on return.
Status sync_folders(const StoreCore& core, const std::vector<StagedFile>& files);
// Everything on the store's file system that was written is on disk on return.
Status sync_file_system(const StoreCore& core);
// The record and a place for each leaf. An owned file of the same root keeps its number: that is
// how adding or pulling again mends a damaged file.
Status index_file(Txn& txn, const StagedFile& file);
// After a failed commit: removes what was moved, unless the index names it all the same.
void discard_moved(const StoreCore& core, const std::vector<StagedFile>& files);

}  // namespace accel::blockstore
