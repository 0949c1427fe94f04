// SPDX-License-Identifier: Apache-2.0
#include "staged_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>

#include "accel/core/log.hpp"
#include "tables.hpp"

namespace accel::blockstore {

namespace {

// A wrapped leaf that lies in a pack may be there because its frame is not the usual one.
Result<bool> has_packed(const Txn& txn, const ipld::Multihash& hash) {
  ACCEL_TRY(const auto places, get_places(txn, hash));
  return std::any_of(places.begin(), places.end(),
                     [](const Place& place) { return !place.in_file(); });
}

}  // namespace

unsigned owned_mode(bool is_private) { return is_private ? 0400U : 0444U; }

Status prepare_folders(const StoreCore& core, std::span<const FileRecord* const> records) {
  std::set<std::filesystem::path> folders;
  for (const FileRecord* record : records) {
    folders.insert((core.layout.directory / record->path).parent_path());
  }
  // One that is there may have been made a moment ago, by someone who has not synced it yet.
  const std::scoped_lock lock(core.synced->mutex);
  std::erase_if(folders,
                [&](const auto& folder) { return core.synced->names.contains(folder.string()); });
  if (folders.empty()) return {};
  for (const auto& folder : folders) {
    if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) continue;
    return fail_errno(errc_from_errno(errno), errno,
                      fmt::format("Cannot create the folder {}.", folder.string()));
  }
  ACCEL_CHECK(sync_directory(core.layout.files()));
  for (const auto& folder : folders) core.synced->names.insert(folder.string());
  return {};
}

Status move_into_place(const StoreCore& core, StagedFile& file) {
  if (file.moved || file.record.referenced) return {};
  core.step("file.rename");
  const auto target = core.layout.directory / file.record.path;
  if (::rename(file.source.c_str(), target.c_str()) != 0) {
    return fail_errno(errc_from_errno(errno), errno,
                      fmt::format("Cannot move a complete file to {}.", target.string()));
  }
  file.moved = true;
  return {};
}

Status sync_folders(const StoreCore& core, const std::vector<StagedFile>& files) {
  std::set<std::filesystem::path> folders;
  for (const StagedFile& file : files) {
    if (!file.record.referenced) {
      folders.insert((core.layout.directory / file.record.path).parent_path());
    }
  }
  if (folders.size() > kMaxSingleSyncs) {
    core.step("folder.sync");
    return sync_file_system(core);
  }
  for (const auto& folder : folders) {
    core.step("folder.sync");
    ACCEL_CHECK(sync_directory(folder));
  }
  return {};
}

Status sync_file_system(const StoreCore& core) {
  ACCEL_TRY(const UniqueFd fd, open_file(core.layout.files(), O_RDONLY | O_DIRECTORY));
  if (::syncfs(fd.get()) == 0) return {};
  return fail_errno(errc_from_errno(errno), errno, "Cannot sync the file system of the store.");
}

Status index_file(Txn& txn, const StagedFile& file) {
  ACCEL_TRY(const auto stored, files_of_root(txn, file.record.root));
  const auto same = std::find_if(stored.begin(), stored.end(), [&](const StoredFile& other) {
    return other.record.referenced == file.record.referenced &&
           other.record.path == file.record.path;
  });
  std::uint64_t id = 0;
  if (same != stored.end()) {
    id = same->id;
    FileRecord renewed = file.record;
    renewed.born = txn.id();
    ACCEL_CHECK(txn.put(Table::files, encode_u64(id), encode(renewed)));
  } else {
    ACCEL_TRY(id, add_file(txn, file.record));
  }
  for (std::size_t i = 0; i < file.leaf_count; ++i) {
    const StagedLeaf leaf = file.leaf(i);
    if (leaf.hash.code() == ipld::HashCode::identity) continue;  // The CID holds it.
    if (leaf.wrapped) {
      ACCEL_TRY(const bool packed, has_packed(txn, leaf.hash));
      if (packed) continue;
    }
    Place place;
    place.kind = leaf.wrapped ? PlaceKind::wrapped : PlaceKind::file;
    place.container = id;
    place.offset = leaf.offset;
    place.slice_bytes = leaf.payload_bytes;
    place.block_bytes = leaf.block_bytes;
    ACCEL_CHECK(add_place(txn, leaf.hash, place));
  }
  return {};
}

void discard_moved(const StoreCore& core, const std::vector<StagedFile>& files) {
  for (const StagedFile& file : files) {
    if (!file.moved) continue;
    const Status done = core.index->write([&](Txn& txn) -> Status {
      ACCEL_TRY(const auto stored, files_of_root(txn, file.record.root));
      const bool named = std::any_of(stored.begin(), stored.end(), [](const StoredFile& other) {
        return !other.record.referenced;
      });
      if (!named) ::unlink((core.layout.directory / file.record.path).c_str());
      return {};
    });
    if (!done) {  // gc removes it as an orphan.
      log::warn("blockstore", "A file of an operation that failed stays until the next gc.",
                {log::field("path", file.record.path), log::field("cause", done.error().message)});
    }
  }
}

}  // namespace accel::blockstore
