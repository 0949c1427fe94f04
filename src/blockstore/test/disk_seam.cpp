// SPDX-License-Identifier: Apache-2.0
#include "disk_seam.hpp"

#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <cerrno>
#include <limits>

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

using accel::blockstore::test::fails_now;
using accel::blockstore::test::lacks_no_replace;

extern "C" {
// Names that the linker's --wrap prescribes.
// NOLINTBEGIN
ssize_t __real_pwrite(int fd, const void* data, size_t size, off_t offset);
ssize_t __real_pwritev(int fd, const iovec* parts, int count, off_t offset);
ssize_t __real_writev(int fd, const iovec* parts, int count);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_rename(const char* from, const char* to);
int __real_renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags);

ssize_t __wrap_pwrite(int fd, const void* data, size_t size, off_t offset) {
  return fails_now() ? -1 : __real_pwrite(fd, data, size, offset);
}
ssize_t __wrap_pwritev(int fd, const iovec* parts, int count, off_t offset) {
  return fails_now() ? -1 : __real_pwritev(fd, parts, count, offset);
}
ssize_t __wrap_writev(int fd, const iovec* parts, int count) {
  return fails_now() ? -1 : __real_writev(fd, parts, count);
}
int __wrap_fsync(int fd) { return fails_now() ? -1 : __real_fsync(fd); }
int __wrap_fdatasync(int fd) { return fails_now() ? -1 : __real_fdatasync(fd); }
int __wrap_rename(const char* from, const char* to) {
  return fails_now() ? -1 : __real_rename(from, to);
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
