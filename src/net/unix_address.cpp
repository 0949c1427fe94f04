// SPDX-License-Identifier: Apache-2.0
#include "unix_address.hpp"

#include <fcntl.h>

#include <cstddef>
#include <cstring>

namespace accel::net {

const sockaddr* UnixAddress::get() const {
  return reinterpret_cast<const sockaddr*>(&address);  // The sockets API asks for it.
}

Result<UnixAddress> unix_address(const std::filesystem::path& path) {
  std::string text = path.string();
  if (!path.has_filename() || text.find('\0') != std::string::npos) {
    return fail(Errc::invalid_argument, "{} is no path of a socket.", text);
  }
  UnixAddress result;
  if (text.size() >= sizeof(result.address.sun_path)) {
    const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    ACCEL_TRY(result.folder, open_file(parent, O_PATH | O_DIRECTORY));
    text = fmt::format("/proc/self/fd/{}/{}", result.folder.get(), path.filename().string());
  }
  if (text.size() >= sizeof(result.address.sun_path)) {
    return fail(Errc::invalid_argument, "The file name of the socket {} is too long.",
                path.string());
  }
  result.address.sun_family = AF_UNIX;
  std::memcpy(&result.address.sun_path[0], text.c_str(), text.size() + 1);
  result.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + 1);
  return result;
}

}  // namespace accel::net
