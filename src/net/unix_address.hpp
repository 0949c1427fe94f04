// SPDX-License-Identifier: Apache-2.0
#pragma once
// The socket address of a path, also of one that is longer than sockaddr_un holds (108 bytes): such
// a path is reached through an open descriptor of its folder. Used by the listener and the
// connector.

#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>

#include "accel/core/file.hpp"

namespace accel::net {

struct UnixAddress {
  sockaddr_un address{};
  socklen_t length = 0;
  UniqueFd folder;  // Must stay open while the address is used; empty for a short path.

  const sockaddr* get() const;
};

// Errors: invalid_argument (no file name, NUL), not_found (no such folder), permission_denied, io.
Result<UnixAddress> unix_address(const std::filesystem::path& path);

}  // namespace accel::net
