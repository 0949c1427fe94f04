// SPDX-License-Identifier: Apache-2.0
#include "kernel_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "accel/core/file.hpp"
#include "accel/hardware/procfs.hpp"

namespace accel::hardware::detail {

Result<std::string> read_kernel_file(const std::filesystem::path& path) {
  // O_NONBLOCK: a captured tree may hold anything, a pipe for instance.
  ACCEL_TRY(const UniqueFd fd, open_file(path, O_RDONLY | O_NONBLOCK));
  std::string text;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(Errc::io, errno, "Cannot read " + path.string() + ".");
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > procfs::kMaxFileBytes) {
      return fail(Errc::resource_exhausted, "{} has more than {} bytes.", path.string(),
                  procfs::kMaxFileBytes);
    }
  }
}

std::string kernel_line(const std::filesystem::path& path, std::string otherwise) {
  const auto text = read_kernel_file(path);
  if (!text) return otherwise;
  return std::string(procfs::trim(*text));
}

std::uint64_t kernel_number(const std::filesystem::path& path, std::uint64_t otherwise) {
  return procfs::parse_number(kernel_line(path)).value_or(otherwise);
}

}  // namespace accel::hardware::detail
