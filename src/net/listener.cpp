// SPDX-License-Identifier: Apache-2.0
#include "listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "unix_address.hpp"

namespace accel::net {
namespace {

constexpr int kBacklog = 4096;  // The kernel cuts it to net.core.somaxconn.
constexpr mode_t kSocketMode = 0600;

struct TcpAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }  // The sockets API asks for it.
  sockaddr_in& v4() { return *reinterpret_cast<sockaddr_in*>(&storage); }
  sockaddr_in6& v6() { return *reinterpret_cast<sockaddr_in6*>(&storage); }
};

Result<TcpAddress> tcp_address(const TcpEndpoint& endpoint) {
  const std::string host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  TcpAddress address;
  if (inet_pton(AF_INET, host.c_str(), &address.v4().sin_addr) == 1) {
    address.v4().sin_family = AF_INET;
    address.v4().sin_port = htons(endpoint.port);
    address.length = sizeof(sockaddr_in);
    return address;
  }
  if (inet_pton(AF_INET6, host.c_str(), &address.v6().sin6_addr) == 1) {
    address.v6().sin6_family = AF_INET6;
    address.v6().sin6_port = htons(endpoint.port);
    address.length = sizeof(sockaddr_in6);
    return address;
  }
  return fail(Errc::invalid_argument,
              "\"{}\" is no address to listen on; write one like 127.0.0.1 or [::1].",
              endpoint.host);
}

Result<UniqueFd> open_socket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errc_from_errno(errno), errno, "Could not open a socket.");
  return fd;
}

tl::unexpected<Error> bind_error(const Endpoint& endpoint, int error_number) {
  if (error_number == EADDRINUSE) {
    return fail(Errc::unavailable,
                "{} is in use by another program; stop it or choose another address.",
                to_string(endpoint));
  }
  return fail_errno(errc_from_errno(error_number), error_number,
                    fmt::format("Could not listen on {}.", to_string(endpoint)));
}

Result<Listener> listen_tcp(const TcpEndpoint& endpoint) {
  ACCEL_TRY(TcpAddress address, tcp_address(endpoint));
  const int family = address.storage.ss_family;
  ACCEL_TRY(UniqueFd fd, open_socket(family));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd.get(), address.get(), address.length) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return bind_error(endpoint, errno);
  }
  TcpAddress bound;
  bound.length = sizeof(bound.storage);
  if (::getsockname(fd.get(), bound.get(), &bound.length) != 0) return bind_error(endpoint, errno);
  TcpEndpoint local = endpoint;
  local.port = ntohs(family == AF_INET ? bound.v4().sin_port : bound.v6().sin6_port);
  return Listener{std::move(fd), family, local, SocketFile{}};
}

// True when a process listens behind the socket file.
Result<bool> is_alive(const UnixAddress& address) {
  ACCEL_TRY(UniqueFd fd, open_socket(AF_UNIX));
  if (::connect(fd.get(), address.get(), address.length) == 0) return true;
  return errno != ECONNREFUSED && errno != ENOENT;  // EAGAIN: alive, with a full backlog.
}

// A crash leaves the file behind; only such a file may go.
Status remove_stale(const UnixEndpoint& endpoint, const UnixAddress& address) {
  struct stat found{};
  if (::lstat(endpoint.path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return fail(Errc::already_exists, "{} exists and is no socket; move it away.",
                endpoint.path.string());
  }
  ACCEL_TRY(const bool alive, is_alive(address));
  if (alive) {
    return fail(Errc::unavailable, "Another process listens on {}; stop it first.",
                endpoint.path.string());
  }
  if (::unlink(endpoint.path.c_str()) != 0 && errno != ENOENT) return bind_error(endpoint, errno);
  return {};
}

Result<Listener> listen_unix(const UnixEndpoint& endpoint) {
  ACCEL_TRY(UnixAddress address, unix_address(endpoint.path));
  ACCEL_CHECK(remove_stale(endpoint, address));
  ACCEL_TRY(UniqueFd fd, open_socket(AF_UNIX));
  // Linux creates the file with the mode of the descriptor, so it is never open to others; chmod is
  // for other systems.
  ::fchmod(fd.get(), kSocketMode);
  if (::bind(fd.get(), address.get(), address.length) != 0) return bind_error(endpoint, errno);
  SocketFile file(endpoint.path);
  if (::chmod(endpoint.path.c_str(), kSocketMode) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return bind_error(endpoint, errno);
  }
  return Listener{std::move(fd), AF_UNIX, endpoint, std::move(file)};
}

}  // namespace

SocketFile::SocketFile(std::filesystem::path path) : path_(std::move(path)) {
  struct stat made{};
  if (::lstat(path_.c_str(), &made) != 0) path_.clear();
  device_ = made.st_dev;
  inode_ = made.st_ino;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

SocketFile::~SocketFile() {
  struct stat found{};
  if (path_.empty() || ::lstat(path_.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) ::unlink(path_.c_str());
}

bool can_connect(const UnixEndpoint& endpoint) {
  const auto address = unix_address(endpoint.path);
  if (!address) return false;
  const auto fd = open_socket(AF_UNIX);
  if (!fd) return false;
  // EAGAIN: it listens, with a full backlog.
  return ::connect(fd->get(), address->get(), address->length) == 0 || errno == EAGAIN;
}

Result<Listener> open_listener(const Endpoint& endpoint) {
  if (const auto* local = std::get_if<UnixEndpoint>(&endpoint)) return listen_unix(*local);
  return listen_tcp(std::get<TcpEndpoint>(endpoint));
}

}  // namespace accel::net
