// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files and file descriptors with errors as values. Every write that must survive a power loss goes
// through here.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel {

// Owns a file descriptor; move-only.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC; the message names the path. Errors: not_found, permission_denied,
// already_exists, resource_exhausted, io.
Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, unsigned mode = 0600);

// Reads a whole regular file. Errors: as open_file; resource_exhausted when it is larger than
// limit_bytes.
Result<Bytes> read_file(const std::filesystem::path& path, std::uint64_t limit_bytes);
Result<std::string> read_text_file(const std::filesystem::path& path, std::uint64_t limit_bytes);

// Reads or writes all of it at the offset, over short counts and EINTR. Errors: io; corrupt when
// the file ends before.
Status pread_all(int fd, std::span<std::uint8_t> out, std::uint64_t offset);
Status pwrite_all(int fd, ByteView bytes, std::uint64_t offset);

// Replaces path atomically and durably: temporary file beside it, fsync, rename, fsync of the
// folder.
Status write_file_atomic(const std::filesystem::path& path, ByteView bytes, unsigned mode = 0600);
Status sync_file(int fd);
Status sync_directory(const std::filesystem::path& directory);
Status make_directories(const std::filesystem::path& directory, unsigned mode = 0700);

// A read-only memory map of a whole file; move-only. data() is empty for an empty file.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  ByteView data() const { return {data_, size_}; }

 private:
  MappedFile(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// An advisory lock on a file (flock), held until destruction; the kernel releases it when the
// process dies.
class FileLock {
 public:
  enum class Mode { shared, exclusive };
  // Errors: unavailable when another process holds it and wait is false; as open_file.
  static Result<FileLock> acquire(const std::filesystem::path& path, Mode mode, bool wait);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace accel
