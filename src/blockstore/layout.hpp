// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names of everything below the store's folder, and the step seam. Plain values; private to
// blockstore. Spec: docs/formats/store.md, "Folder".

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/file.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::blockstore {

// What names a root in file names and tables: CIDv1 whatever version the user sees.
std::string root_name(const ipld::Cid& root);
Bytes root_key(const ipld::Cid& root);

struct Layout {
  std::filesystem::path directory;

  std::filesystem::path version() const { return directory / "VERSION"; }
  std::filesystem::path open_lock() const { return directory / "open.lock"; }
  std::filesystem::path gc_lock() const { return directory / "gc.lock"; }
  std::filesystem::path index() const { return directory / "index"; }
  std::filesystem::path files() const { return directory / "files"; }
  std::filesystem::path packs() const { return directory / "packs"; }
  std::filesystem::path partial() const { return directory / "partial"; }
  std::filesystem::path leases() const { return directory / "leases"; }
  // What a migration saved of format `version`.
  std::filesystem::path backup(int version) const {
    return directory / fmt::format("backup-{}.mdb", version);
  }
  std::filesystem::path temporary() const { return directory / "tmp"; }

  // "files/ab/bafk…": relative, as the index keeps it. The folder is the name's last two letters
  // (its first ones are the same for all).
  std::string file_path(const ipld::Cid& root) const;
  std::filesystem::path pack(std::uint64_t id) const;
  std::filesystem::path part(const ipld::Cid& root) const;
  std::filesystem::path part_map(const ipld::Cid& root) const;
  std::filesystem::path part_lock(const ipld::Cid& root) const;
};

// The number in the name of a pack; nothing for other files.
std::optional<std::uint64_t> pack_id_of(const std::filesystem::path& path);
// The regular files in a folder, or in all folders below it. Errors: not_found, io.
Result<std::vector<std::filesystem::path>> files_in(const std::filesystem::path& directory,
                                                    bool recursive);

// Bytes that may still be written on the file system of `directory`.
Result<std::uint64_t> free_bytes(const std::filesystem::path& directory);
// Errors: resource_exhausted (the message says how much is needed and how much is free).
Status require_room(const std::filesystem::path& directory, std::uint64_t bytes,
                    std::string_view what);

}  // namespace accel::blockstore
