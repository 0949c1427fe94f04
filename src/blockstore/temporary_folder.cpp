// SPDX-License-Identifier: Apache-2.0
#include "temporary_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "locks.hpp"

namespace accel::blockstore {
namespace {

constexpr std::string_view kLockSuffix = ".lock";

}  // namespace

Result<TemporaryFolder> TemporaryFolder::make(const Layout& layout) {
  ACCEL_TRY(LockedFile lock, make_locked_file(layout.temporary(), kLockSuffix));
  auto folder = lock.path;
  folder.replace_extension();
  TemporaryFolder result(std::move(lock.fd), std::move(lock.path), std::move(folder));
  if (::mkdir(result.folder_.c_str(), 0700) != 0) {
    return fail_errno(errc_from_errno(errno), errno,
                      fmt::format("Cannot create the folder {}.", result.folder_.string()));
  }
  return result;
}

TemporaryFolder::~TemporaryFolder() {
  if (!lock_) return;       // Moved from.
  std::error_code ignored;  // The next gc tries again.
  std::filesystem::remove_all(folder_, ignored);
  ::unlink(lock_path_.c_str());
}

std::filesystem::path TemporaryFolder::next_path() { return folder_ / std::to_string(count_++); }

std::uint64_t remove_stale_temporaries(const Layout& layout) {
  std::uint64_t removed = 0;
  const auto files = files_in(layout.temporary(), false);
  for (const auto& path : files.value_or(std::vector<std::filesystem::path>{})) {
    if (path.extension() != kLockSuffix) continue;
    const auto lock = try_lock_file(path, 0);
    if (!lock || !lock->has_value()) continue;
    auto folder = path;
    folder.replace_extension();
    std::error_code ignored;  // The next gc tries again.
    std::filesystem::remove_all(folder, ignored);
    ::unlink(path.c_str());
    ++removed;
  }
  return removed;
}

}  // namespace accel::blockstore
