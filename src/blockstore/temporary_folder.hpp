// SPDX-License-Identifier: Apache-2.0
#pragma once
// tmp/<random>/: where one operation prepares files. A locked file beside it says that somebody
// works there; what a crash leaves is removed when the store is opened or collected. Private to
// blockstore; one thread.

#include <filesystem>

#include "accel/core/file.hpp"
#include "layout.hpp"

namespace accel::blockstore {

class TemporaryFolder {
 public:
  // Errors: permission_denied, resource_exhausted, io.
  static Result<TemporaryFolder> make(const Layout& layout);
  TemporaryFolder(TemporaryFolder&& other) noexcept = default;
  TemporaryFolder& operator=(TemporaryFolder&& other) = delete;
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();  // Removes it with all that is in it.

  std::filesystem::path next_path();

 private:
  TemporaryFolder(UniqueFd lock, std::filesystem::path lock_path, std::filesystem::path folder)
      : lock_(std::move(lock)), lock_path_(std::move(lock_path)), folder_(std::move(folder)) {}

  UniqueFd lock_;
  std::filesystem::path lock_path_;
  std::filesystem::path folder_;
  std::uint64_t count_ = 0;
};

// Removes the folders that nobody works in; says how many. What cannot be removed is left.
std::uint64_t remove_stale_temporaries(const Layout& layout);

}  // namespace accel::blockstore
