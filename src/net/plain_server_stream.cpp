// SPDX-License-Identifier: Apache-2.0
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "server_stream.hpp"

namespace accel::net {
namespace {

constexpr std::size_t kSendfileStep = 1024 * 1024;

class PlainServerStream final : public ServerStream {
 public:
  explicit PlainServerStream(int fd) : fd_(fd) {}

  Attempt handshake() override { return {}; }

  Attempt read(std::span<char> out) override {
    const ssize_t count = ::recv(fd_, out.data(), out.size(), MSG_DONTWAIT);
    if (count == 0) return {Outcome::ended};
    return attempt_of(count, Outcome::wait_read);
  }

  Attempt send(std::span<const iovec> pieces, bool more) override {
    msghdr message{};
    // sendmsg() does not write through this pointer; msghdr serves recvmsg() too.
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
    return attempt_of(::sendmsg(fd_, &message, flags), Outcome::wait_write);
  }

  Attempt send_file(const FileSlice& slice) override {
    auto offset = static_cast<off_t>(slice.offset);
    const std::size_t step = std::min<std::uint64_t>(slice.length, kSendfileStep);
    const ssize_t count = ::sendfile(fd_, slice.fd->get(), &offset, step);
    if (count == 0) return {Outcome::ended};
    return attempt_of(count, Outcome::wait_write);
  }

  std::string_view protocol() const override { return {}; }
  void finish() override {}

 private:
  int fd_;
};

}  // namespace

Attempt attempt_of(ssize_t count, Outcome when_blocked) {
  if (count >= 0) return {Outcome::moved, static_cast<std::size_t>(count)};
  if (errno == EINTR) return {Outcome::moved, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {when_blocked};
  return {Outcome::failed, 0, errno};
}

std::unique_ptr<ServerStream> make_plain_server_stream(int fd) {
  return std::make_unique<PlainServerStream>(fd);
}

}  // namespace accel::net
