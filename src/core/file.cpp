// SPDX-License-Identifier: Apache-2.0
#include "accel/core/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "accel/core/random.hpp"

namespace accel {
namespace {

tl::unexpected<Error> fail_path(int error_number, std::string_view what,
                                const std::filesystem::path& path) {
  return fail_errno(errc_from_errno(error_number), error_number,
                    fmt::format("Cannot {} {}.", what, path.string()));
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int UniqueFd::release() { return std::exchange(fd_, -1); }

void UniqueFd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, unsigned mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail_path(errno, (flags & O_CREAT) != 0 ? "create" : "open", path);
  return UniqueFd(fd);
}

Result<Bytes> read_file(const std::filesystem::path& path, std::uint64_t limit_bytes) {
  // A pipe without a writer would hold an open without O_NONBLOCK for ever.
  ACCEL_TRY(const UniqueFd fd, open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_path(errno, "stat", path);
  if (!S_ISREG(info.st_mode))
    return fail(Errc::invalid_argument, "{} is not a regular file.", path.string());
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > limit_bytes) {
    return fail(Errc::resource_exhausted, "{} has {} bytes; at most {} are read here.",
                path.string(), size, limit_bytes);
  }
  Bytes bytes(size);
  ACCEL_CHECK(pread_all(fd.get(), bytes, 0));
  return bytes;
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::uint64_t limit_bytes) {
  ACCEL_TRY(const Bytes bytes, read_file(path, limit_bytes));
  return std::string(as_text(bytes));
}

Status pread_all(int fd, std::span<std::uint8_t> out, std::uint64_t offset) {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail_errno(Errc::io, errno, fmt::format("Cannot read at offset {}.", offset));
    if (got == 0)
      return fail(Errc::corrupt, "The file ends at offset {}, {} bytes too early.", offset,
                  out.size());
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

Status pwrite_all(int fd, ByteView bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0)
      return fail_errno(errc_from_errno(errno), errno,
                        fmt::format("Cannot write {} bytes at offset {}.", bytes.size(), offset));
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Status sync_file(int fd) {
  if (::fsync(fd) == 0) return {};
  return fail_errno(errc_from_errno(errno), errno, "Cannot sync a file to disk.");
}

Status sync_directory(const std::filesystem::path& directory) {
  ACCEL_TRY(const UniqueFd fd, open_file(directory, O_RDONLY | O_DIRECTORY));
  return sync_file(fd.get());
}

Status write_file_atomic(const std::filesystem::path& path, ByteView bytes, unsigned mode) {
  const std::filesystem::path temporary =
      path.string() + "." + random_hex(system_random(), 6) + ".tmp";
  const auto write = [&]() -> Status {
    ACCEL_TRY(const UniqueFd fd, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
    ACCEL_CHECK(pwrite_all(fd.get(), bytes, 0));
    ACCEL_CHECK(sync_file(fd.get()));
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      return fail_path(errno, "rename a file to", path);
    return sync_directory(path.has_parent_path() ? path.parent_path() : ".");
  };
  Status status = write();
  if (!status) ::unlink(temporary.c_str());
  return status;
}

Status make_directories(const std::filesystem::path& directory, unsigned mode) {
  if (directory.empty() || ::access(directory.c_str(), F_OK) == 0) return {};
  ACCEL_CHECK(make_directories(directory.parent_path(), mode));
  if (::mkdir(directory.c_str(), mode) != 0 && errno != EEXIST)
    return fail_path(errno, "create the folder", directory);
  return {};
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  ACCEL_TRY(const UniqueFd fd, open_file(path, O_RDONLY));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_path(errno, "stat", path);
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return fail_path(errno, "map", path);
  return MappedFile(static_cast<const std::uint8_t*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

Result<FileLock> FileLock::acquire(const std::filesystem::path& path, Mode mode, bool wait) {
  ACCEL_TRY(UniqueFd fd, open_file(path, O_RDWR | O_CREAT));
  const int operation = (mode == Mode::exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);
  while (::flock(fd.get(), operation) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK)
      return fail(Errc::unavailable, "Another process holds the lock {}.", path.string());
    return fail_path(errno, "lock", path);
  }
  return FileLock(std::move(fd));
}

}  // namespace accel
