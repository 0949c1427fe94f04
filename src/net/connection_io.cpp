// SPDX-License-Identifier: Apache-2.0
#include "connection_io.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <cerrno>

namespace accel::net {
namespace {

constexpr std::size_t kSendfileStep = 1024 * 1024;
// A client that reads as fast as we send never makes us wait: after so much the other connections
// get their turn.
constexpr std::uint64_t kFairBytes = 4 * 1024 * 1024;

bool would_block(int error_number) { return error_number == EAGAIN || error_number == EWOULDBLOCK; }

tl::unexpected<Error> send_error(int error_number) {
  if (error_number == EPIPE || error_number == ECONNRESET || error_number == ENOTCONN) {
    return fail(Errc::cancelled, "The client closed the connection before it had the answer.");
  }
  return fail_errno(Errc::io, error_number, "Could not send to the client.");
}

// The pieces from the first unsent byte on, as iovecs; returns how many.
std::size_t remaining_pieces(const Pieces& pieces, std::size_t skip, std::array<iovec, 3>& out) {
  std::size_t count = 0;
  for (const std::string_view piece : pieces) {
    const std::size_t gone = std::min(skip, piece.size());
    skip -= gone;
    if (gone == piece.size()) continue;
    // sendmsg() does not write through this pointer; iovec serves recvmsg() too.
    out.at(count++) = {const_cast<char*>(piece.data() + gone), piece.size() - gone};
  }
  return count;
}

}  // namespace

void set_no_delay(Socket& socket) {
  const int on = 1;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

ConnectionIo::ConnectionIo(Socket socket, ConnectionWatch& watch, const ServerLimits& limits)
    : socket_(std::move(socket)),
      watch_(watch),
      buffer_(std::max<std::size_t>(limits.max_header_bytes, 4096)),
      guard_(limits.stall_timeout, limits.min_progress_bytes) {}

Task<std::size_t> ConnectionIo::read() {
  const std::span<char> space = buffer_.space();
  const auto target = asio::buffer(space.data(), space.size());
  const auto got = co_await socket_.async_read_some(target, kAsTuple);
  const auto& [ec, count] = got;
  if (ec) co_return std::size_t{0};
  buffer_.filled(count);
  guard_.moved(count);
  co_return count;
}

Task<void> ConnectionIo::wait_writable() {
  waited_ = true;
  watch_.set_deadline(guard_.wait_until(system_clock().now()));
  const auto waited = co_await socket_.async_wait(Socket::wait_write, kAsTuple);
  const auto& [ec] = waited;
  if (ec) co_return send_error(ec.value());
  co_return Status{};
}

// Between two sends the handler works, which no deadline of the client bounds.
void ConnectionIo::our_turn_again() {
  if (!waited_) return;
  waited_ = false;
  guard_.pause();
  const bool hurry = watch_.asked_to_stop();
  watch_.set_deadline(hurry ? system_clock().now() + kStopGrace : SteadyTime::max());
}

Task<void> ConnectionIo::send(Pieces pieces, bool more) {
  const std::size_t total = pieces[0].size() + pieces[1].size() + pieces[2].size();
  std::size_t sent = 0;
  while (sent < total) {
    std::array<iovec, 3> vectors{};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = remaining_pieces(pieces, sent, vectors);
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
    const ssize_t count = ::sendmsg(socket_.native_handle(), &message, flags);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
      guard_.moved(static_cast<std::uint64_t>(count));
      continue;
    }
    if (errno == EINTR) continue;
    if (!would_block(errno)) co_return send_error(errno);
    const Status waited = co_await wait_writable();
    if (!waited) co_return waited;
  }
  our_turn_again();
  co_return Status{};
}

Task<void> ConnectionIo::send_slice(FileSlice slice) {
  auto offset = static_cast<off_t>(slice.offset);
  std::uint64_t left = slice.length;
  std::uint64_t since_turn = 0;
  while (left > 0) {
    const std::size_t step = std::min<std::uint64_t>(left, kSendfileStep);
    const ssize_t count = ::sendfile(socket_.native_handle(), slice.fd->get(), &offset, step);
    if (count > 0) {
      left -= static_cast<std::uint64_t>(count);
      since_turn += static_cast<std::uint64_t>(count);
      guard_.moved(static_cast<std::uint64_t>(count));
      if (since_turn < kFairBytes || left == 0) continue;
      since_turn = 0;
      co_await asio::post(asio::use_awaitable);
      continue;
    }
    if (count == 0) {
      co_return fail(Errc::corrupt, "A file ended {} bytes before the end of what was promised.",
                     left);
    }
    if (errno == EINTR) continue;
    if (!would_block(errno)) co_return send_error(errno);
    since_turn = 0;
    const Status waited = co_await wait_writable();
    if (!waited) co_return waited;
  }
  our_turn_again();
  co_return Status{};
}

void ConnectionIo::shut_write() { ::shutdown(socket_.native_handle(), SHUT_WR); }

void ConnectionIo::send_best_effort(std::string_view text) {
  const ssize_t sent =
      ::send(socket_.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  static_cast<void>(sent);  // It may get lost.
}

}  // namespace accel::net
