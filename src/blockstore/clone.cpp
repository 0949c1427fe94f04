// SPDX-License-Identifier: Apache-2.0
#include "clone.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "accel/core/file.hpp"

namespace accel::blockstore {
namespace {

constexpr std::uint64_t kPieceBytes = 8U << 20U;  // Between two looks at the stop token.
constexpr std::size_t kBufferBytes = 1U << 20U;

// Where copy_file_range() does not work (across some file systems).
Status copy_piece_by_hand(int source, int target, std::uint64_t offset, std::uint64_t bytes) {
  Bytes buffer(std::min<std::uint64_t>(bytes, kBufferBytes));
  for (std::uint64_t done = 0; done < bytes;) {
    const auto length = std::min<std::uint64_t>(bytes - done, buffer.size());
    const std::span<std::uint8_t> part(buffer.data(), length);
    ACCEL_CHECK(pread_all(source, part, offset + done));
    ACCEL_CHECK(pwrite_all(target, part, offset + done));
    done += length;
  }
  return {};
}

Status copy_piece(int source, int target, std::uint64_t offset, std::uint64_t bytes) {
  while (bytes > 0) {
    auto from = static_cast<off_t>(offset);
    auto to = from;
    const ssize_t copied = ::copy_file_range(source, &from, target, &to, bytes, 0);
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG)) {
      return fail_errno(errc_from_errno(errno), errno, "Cannot copy a stored file.");
    }
    if (copied <= 0) return copy_piece_by_hand(source, target, offset, bytes);
    offset += static_cast<std::uint64_t>(copied);
    bytes -= static_cast<std::uint64_t>(copied);
  }
  return {};
}

}  // namespace

bool clone_file(int source, int target) { return ::ioctl(target, FICLONE, source) == 0; }

Status reserve_space(int target, std::uint64_t offset, std::uint64_t bytes) {
  if (::fallocate(target, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(bytes)) == 0) {
    return {};
  }
  if (errno != ENOSPC && errno != EDQUOT) return {};  // Not here: the writes find their blocks.
  return fail_errno(errc_from_errno(errno), errno, "There is no room on the disk for the file.");
}

void begin_write_back(int target, std::uint64_t offset, std::uint64_t bytes) {
  ::sync_file_range(target, static_cast<off_t>(offset), static_cast<off_t>(bytes),
                    SYNC_FILE_RANGE_WRITE);
}

Status copy_bytes(int source, int target, std::uint64_t bytes, const std::stop_token& stop) {
  for (std::uint64_t offset = 0; offset < bytes; offset += kPieceBytes) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "Stopped on request.");
    ACCEL_CHECK(copy_piece(source, target, offset, std::min(kPieceBytes, bytes - offset)));
  }
  return {};
}

Status write_all(int target, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(target, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      return fail_errno(errc_from_errno(errno), errno, "Cannot write what was asked for.");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace accel::blockstore
