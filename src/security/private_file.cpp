// SPDX-License-Identifier: Apache-2.0
#include "accel/security/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "accel/core/file.hpp"

namespace accel::security {
namespace {

// Root reads what the folder's owner keeps there, but nobody's else: a file of
// root's own with a second name (a hard link) in a folder of somebody else is
// that somebody's choice, too.
Status check_owner(const struct stat &file, const std::filesystem::path &path) {
  const uid_t user = ::geteuid();
  struct stat folder{};
  const bool known = ::stat(path.parent_path().c_str(), &folder) == 0;
  const bool own = file.st_uid == user ||
                   (user == 0 && known && file.st_uid == folder.st_uid);
  if (own && file.st_nlink == 1)
    return {};
  return fail(Errc::permission_denied,
              "{} does not belong to the user who reads it here, or has a "
              "second name; it is not "
              "read.",
              path.string());
}

Result<UniqueFd> open_no_link(const std::filesystem::path &path) {
  const int fd =
      ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0)
    return UniqueFd(fd);
  const int why = errno;
  if (why == ELOOP) {
    return fail(Errc::permission_denied,
                "{} is a link; a file with secrets must be none.",
                path.string());
  }
  return fail_errno(errc_from_errno(why), why,
                    fmt::format("Cannot open {}.", path.string()));
}

} // namespace

Result<std::string> read_private_file(const std::filesystem::path &path,
                                      std::uint64_t limit_bytes, Mode mode) {
  ACCEL_TRY(const UniqueFd fd, open_no_link(path));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0)
    return fail_errno(Errc::io, errno,
                      fmt::format("Cannot stat {}.", path.string()));
  if (!S_ISREG(info.st_mode))
    return fail(Errc::permission_denied, "{} is not a regular file.",
                path.string());
  ACCEL_CHECK(check_owner(info, path));
  if (mode == Mode::owner_only && (info.st_mode & 077U) != 0) {
    return fail(Errc::permission_denied,
                "{} is open to other users (mode {:o}); look who changed it, "
                "then: chmod 600 {}",
                path.string(), info.st_mode & 0777U, path.string());
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > limit_bytes) {
    return fail(Errc::resource_exhausted,
                "{} has {} bytes; at most {} are read here.", path.string(),
                size, limit_bytes);
  }
  Bytes bytes(size);
  ACCEL_CHECK(pread_all(fd.get(), bytes, 0));
  return std::string(as_text(bytes));
}

} // namespace accel::security
