// SPDX-License-Identifier: Apache-2.0
#include "locks.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "accel/core/lock_wait.hpp"
#include "accel/core/random.hpp"

namespace accel::blockstore {
namespace {

constexpr int kMaxLockTries = 100;  // Each means that another process removed the file meanwhile.

bool names_this_file(const std::filesystem::path& path, int fd) {
  struct stat by_name{};
  struct stat by_fd{};
  return ::stat(path.c_str(), &by_name) == 0 && ::fstat(fd, &by_fd) == 0 &&
         by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

}  // namespace

Result<std::optional<UniqueFd>> try_lock_file(const std::filesystem::path& path, int extra_flags) {
  for (int attempt = 0; attempt < kMaxLockTries; ++attempt) {
    ACCEL_TRY(UniqueFd fd, open_file(path, O_RDWR | O_NOFOLLOW | extra_flags));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::optional<UniqueFd>{};
      if (errno == EINTR) continue;
      return fail_errno(errc_from_errno(errno), errno,
                        fmt::format("Cannot lock {}.", path.string()));
    }
    if (names_this_file(path, fd.get())) return std::optional<UniqueFd>(std::move(fd));
  }
  return fail(Errc::unavailable, "{} is removed again and again; try later.", path.string());
}

OwnLock::~OwnLock() {
  if (fd_) ::unlink(path_.c_str());
}

OwnLock& OwnLock::operator=(OwnLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

Result<OwnLock> take_own_lock(const std::filesystem::path& path) {
  ACCEL_TRY(auto fd, try_lock_file(path, O_CREAT));
  if (!fd) return fail(Errc::unavailable, "Somebody else holds the lock {}.", path.string());
  return OwnLock(std::move(*fd), path);
}

Result<OwnLock> wait_for_own_lock(const std::filesystem::path& path, const std::stop_token& stop) {
  for (;;) {
    auto lock = take_own_lock(path);
    if (lock || lock.error().code != Errc::unavailable) return lock;
    ACCEL_CHECK(pause_for(kLockPoll, stop));
  }
}

Result<LockedFile> make_locked_file(const std::filesystem::path& directory,
                                    std::string_view suffix) {
  for (int attempt = 0; attempt < kMaxLockTries; ++attempt) {
    std::filesystem::path path =
        directory / (random_hex(system_random(), 12) + std::string(suffix));
    ACCEL_TRY(UniqueFd fd, open_file(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 && names_this_file(path, fd.get())) {
      return LockedFile{std::move(fd), std::move(path)};
    }
  }
  return fail(Errc::unavailable, "New files in {} are removed again and again; try later.",
              directory.string());
}

Result<bool> remove_if_unlocked(const std::filesystem::path& path) {
  auto locked = try_lock_file(path, 0);
  if (!locked) {
    if (locked.error().code == Errc::not_found) return false;
    return fail(std::move(locked).error());
  }
  if (!locked->has_value()) return false;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail_errno(errc_from_errno(errno), errno,
                      fmt::format("Cannot remove {}.", path.string()));
  }
  return true;
}

}  // namespace accel::blockstore
