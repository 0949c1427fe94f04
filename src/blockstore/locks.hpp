// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files that are locked while somebody uses them, and removed when nobody does. flock() on a name
// that others may unlink needs care: the lock counts only if the name still means that file.
// Private to blockstore. Thread-safe: plain functions over descriptors.

#include <filesystem>
#include <optional>
#include <stop_token>

#include "accel/core/file.hpp"

namespace accel::blockstore {

// Opens (O_RDWR | extra flags) and locks; nothing when another descriptor, in this or another
// process, holds the lock. Errors: as open_file.
Result<std::optional<UniqueFd>> try_lock_file(const std::filesystem::path& path, int extra_flags);

// A lock whose file goes when the lock does. Move-only.
class OwnLock {
 public:
  OwnLock() = default;  // Holds nothing.
  OwnLock(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  OwnLock(OwnLock&&) noexcept = default;
  OwnLock& operator=(OwnLock&& other) noexcept;
  ~OwnLock();
  explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
  UniqueFd fd_;
  std::filesystem::path path_;
};

// Errors: unavailable (somebody holds it); as open_file.
Result<OwnLock> take_own_lock(const std::filesystem::path& path);
// The same, and waits for it. Errors: cancelled; as open_file.
Result<OwnLock> wait_for_own_lock(const std::filesystem::path& path, const std::stop_token& stop);

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
