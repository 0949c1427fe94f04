// SPDX-License-Identifier: Apache-2.0
#include "disk_seam.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <limits>

#include "power_loss.hpp"

namespace accel::blockstore::test {
namespace {

std::atomic<int> calls{0};
std::atomic<int> fail_from{std::numeric_limits<int>::max()};
std::atomic<int> error_to_give{0};
std::atomic<bool> fail_always{false};
std::atomic<bool> lacks_no_replace{false};

bool fails_now() {
  const int call = calls.fetch_add(1) + 1;
  const int from = fail_from.load();
  if (call != from && !(call > from && fail_always.load())) return false;
  errno = error_to_give.load();
  return true;
}

}  // namespace

void fail_disk_call(int n, int error_number, bool always) {
  error_to_give = error_number;
  fail_always = always;
  calls = 0;
  fail_from = n;
}

int heal_disk() {
  fail_from = std::numeric_limits<int>::max();
  return calls.load();
}

WithoutNoReplace::WithoutNoReplace() { lacks_no_replace = true; }
WithoutNoReplace::~WithoutNoReplace() { lacks_no_replace = false; }

}  // namespace accel::blockstore::test

using accel::ByteView;
using accel::blockstore::test::DiskRecorder;
using accel::blockstore::test::fails_now;
using accel::blockstore::test::lacks_no_replace;

namespace {

// What a call wrote, part by part.
void record_parts(int fd, const iovec* parts, int count, ssize_t written, off_t offset) {
  DiskRecorder* const recorder = DiskRecorder::current();
  if (recorder == nullptr || written <= 0) return;
  auto left = static_cast<std::size_t>(written);
  auto at = static_cast<std::uint64_t>(offset);
  for (int i = 0; i < count && left > 0; ++i) {
    const std::size_t size = std::min(left, parts[i].iov_len);
    recorder->on_write(fd, ByteView(static_cast<const std::uint8_t*>(parts[i].iov_base), size), at);
    left -= size;
    at += size;
  }
}

}  // namespace

extern "C" {
// Names that the linker's --wrap prescribes.
// NOLINTBEGIN
int __real_open(const char* path, int flags, ...);
int __real_mkdir(const char* path, mode_t mode);
int __real_unlink(const char* path);
int __real_ftruncate(int fd, off_t size);
int __real_fallocate(int fd, int mode, off_t offset, off_t size);
int __real_syncfs(int fd);
int __real_ioctl(int fd, unsigned long request, ...);
ssize_t __real_write(int fd, const void* data, size_t size);
ssize_t __real_pwrite(int fd, const void* data, size_t size, off_t offset);
ssize_t __real_pwritev(int fd, const iovec* parts, int count, off_t offset);
ssize_t __real_writev(int fd, const iovec* parts, int count);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_rename(const char* from, const char* to);
int __real_renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags);

int __wrap_open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  DiskRecorder* const recorder = DiskRecorder::current();
  const bool is_new = recorder != nullptr && (flags & O_CREAT) != 0 && ::access(path, F_OK) != 0;
  const int fd = __real_open(path, flags, mode);
  if (fd >= 0 && is_new) recorder->on_create(path);
  return fd;
}
int __wrap_mkdir(const char* path, mode_t mode) {
  const int done = __real_mkdir(path, mode);
  if (done == 0 && DiskRecorder::current() != nullptr) DiskRecorder::current()->on_folder(path);
  return done;
}
int __wrap_unlink(const char* path) {
  const int done = __real_unlink(path);
  if (done == 0 && DiskRecorder::current() != nullptr) DiskRecorder::current()->on_unlink(path);
  return done;
}
int __wrap_ftruncate(int fd, off_t size) {
  const int done = __real_ftruncate(fd, size);
  if (done == 0 && DiskRecorder::current() != nullptr) {
    DiskRecorder::current()->on_resize(fd, static_cast<std::uint64_t>(size));
  }
  return done;
}
// Sizes stay as they are: nothing for the recorder.
int __wrap_fallocate(int fd, int mode, off_t offset, off_t size) {
  return fails_now() ? -1 : __real_fallocate(fd, mode, offset, size);
}
int __wrap_syncfs(int fd) {
  const int done = __real_syncfs(fd);
  if (done == 0 && DiskRecorder::current() != nullptr) DiskRecorder::current()->on_sync_all();
  return done;
}
// A clone would be a write that nobody sees.
int __wrap_ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (request == FICLONE && DiskRecorder::current() != nullptr) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return __real_ioctl(fd, request, argument);
}
// Copies of the index; not made to fail, for logs go this way, too.
ssize_t __wrap_write(int fd, const void* data, size_t size) {
  const off_t offset = DiskRecorder::current() != nullptr ? ::lseek(fd, 0, SEEK_CUR) : 0;
  const ssize_t written = __real_write(fd, data, size);
  const iovec part{const_cast<void*>(data), size};
  record_parts(fd, &part, 1, written, offset);
  return written;
}
ssize_t __wrap_pwrite(int fd, const void* data, size_t size, off_t offset) {
  if (fails_now()) return -1;
  const ssize_t written = __real_pwrite(fd, data, size, offset);
  const iovec part{const_cast<void*>(data), size};
  record_parts(fd, &part, 1, written, offset);
  return written;
}
ssize_t __wrap_pwritev(int fd, const iovec* parts, int count, off_t offset) {
  if (fails_now()) return -1;
  const ssize_t written = __real_pwritev(fd, parts, count, offset);
  record_parts(fd, parts, count, written, offset);
  return written;
}
ssize_t __wrap_writev(int fd, const iovec* parts, int count) {
  if (fails_now()) return -1;
  const off_t offset = ::lseek(fd, 0, SEEK_CUR);
  const ssize_t written = __real_writev(fd, parts, count);
  record_parts(fd, parts, count, written, offset);
  return written;
}
int __wrap_fsync(int fd) {
  if (fails_now()) return -1;
  const int done = __real_fsync(fd);
  if (done == 0 && DiskRecorder::current() != nullptr) DiskRecorder::current()->on_sync(fd);
  return done;
}
int __wrap_fdatasync(int fd) {
  if (fails_now()) return -1;
  const int done = __real_fdatasync(fd);
  if (done == 0 && DiskRecorder::current() != nullptr) DiskRecorder::current()->on_sync(fd);
  return done;
}
int __wrap_rename(const char* from, const char* to) {
  if (fails_now()) return -1;
  const int done = __real_rename(from, to);
  if (done == 0 && DiskRecorder::current() != nullptr) DiskRecorder::current()->on_rename(from, to);
  return done;
}
int __wrap_renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  if (lacks_no_replace && flags != 0) {
    errno = EINVAL;
    return -1;
  }
  return __real_renameat2(from_dir, from, to_dir, to, flags);
}
// NOLINTEND
}
