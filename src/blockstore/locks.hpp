// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files that are locked while somebody uses them, and removed when nobody does. flock() on a name
// that others may unlink needs care: the lock counts only if the name still means that file.
// Private to blockstore. Thread-safe: plain functions over descriptors.

#include <filesystem>
#include <optional>

#include "accel/core/file.hpp"

namespace accel::blockstore {

// Opens (O_RDWR | extra flags) and locks; nothing when another descriptor, in this or another
// process, holds the lock. Errors: as open_file.
Result<std::optional<UniqueFd>> try_lock_file(const std::filesystem::path& path, int extra_flags);

// Makes a new file under a name that nobody uses, locked. Errors: as open_file.
struct LockedFile {
  UniqueFd fd;
  std::filesystem::path path;
};
Result<LockedFile> make_locked_file(const std::filesystem::path& directory,
                                    std::string_view suffix);

// Removes the file if nobody holds its lock; says whether it did. Errors: as open_file.
Result<bool> remove_if_unlocked(const std::filesystem::path& path);

}  // namespace accel::blockstore
