// SPDX-License-Identifier: Apache-2.0
#include "accel/core/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "accel/core/file.hpp"

namespace accel {
namespace {

constexpr mode_t kOthers = 077;
constexpr mode_t kPermissions = 0777;

// Root reads what the folder's owner keeps there, but nobody's else: a file of root's own with a
// second name (a hard link) in a folder of somebody else is that somebody's choice, too.
Status check_owner(const struct stat& file, const std::filesystem::path& path) {
  const uid_t user = ::geteuid();
  struct stat folder{};
  const bool known = ::stat(path.parent_path().c_str(), &folder) == 0;
  const bool own = file.st_uid == user || (user == 0 && known && file.st_uid == folder.st_uid);
  if (own && file.st_nlink == 1) return {};
  return fail(Errc::permission_denied,
              "{} does not belong to the user who reads it here, or has a second name; it is not "
              "read.",
              path.string());
}

Result<UniqueFd> open_it(const std::filesystem::path& path, bool follow) {
  const int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
  const int fd = ::open(path.c_str(), flags);
  if (fd >= 0) return UniqueFd(fd);
  const int why = errno;
  if (why == ELOOP && !follow) {
    return fail(Errc::permission_denied, "{} is a link; a file with secrets must be none.",
                path.string());
  }
  return fail_errno(errc_from_errno(why), why, fmt::format("Cannot open {}.", path.string()));
}

}  // namespace

Result<Bytes> read_private_file(const std::filesystem::path& path, const PrivateFileRules& rules) {
  ACCEL_TRY(const UniqueFd fd, open_it(path, /*follow=*/!rules.of_own_home));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0)
    return fail_errno(Errc::io, errno, fmt::format("Cannot stat {}.", path.string()));
  if (!S_ISREG(info.st_mode))
    return fail(Errc::permission_denied, "{} is not a regular file.", path.string());
  if (rules.of_own_home) ACCEL_CHECK(check_owner(info, path));
  if (rules.owner_only && (info.st_mode & kOthers) != 0) {
    return fail(Errc::permission_denied,
                "{} holds a secret and is open to other users (mode {:o}); look who changed it, "
                "then: chmod 600 {}",
                path.string(), info.st_mode & kPermissions, path.string());
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > rules.max_bytes) {
    return fail(Errc::resource_exhausted, "{} has {} bytes; at most {} are read here.",
                path.string(), size, rules.max_bytes);
  }
  Bytes bytes(size);
  ACCEL_CHECK(pread_all(fd.get(), bytes, 0));
  return bytes;
}

}  // namespace accel
