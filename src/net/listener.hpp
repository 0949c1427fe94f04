// SPDX-License-Identifier: Apache-2.0
#pragma once
// Opens listening sockets. Used by HttpServer only. No Asio here: a descriptor goes out.

#include <sys/types.h>

#include <filesystem>

#include "accel/core/file.hpp"
#include "accel/net/endpoint.hpp"

namespace accel::net {

// Removes a socket file when its server ends, unless another server has put its own there.
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::filesystem::path path);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  ~SocketFile();

 private:
  std::filesystem::path path_;  // Empty: nothing to remove.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct Listener {
  UniqueFd fd;  // Non-blocking.
  int family = 0;
  Endpoint local;  // With the port that the kernel chose.
  SocketFile file;
};

// Errors: as HttpServer::listen().
Result<Listener> open_listener(const Endpoint& endpoint);

}  // namespace accel::net
