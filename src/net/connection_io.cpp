// SPDX-License-Identifier: Apache-2.0
#include "connection_io.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <cerrno>

namespace accel::net {
namespace {

// A client that reads as fast as we send never makes us wait: after so much the other connections
// get their turn.
constexpr std::uint64_t kFairBytes = 4 * 1024 * 1024;

tl::unexpected<Error> send_error(int error_number) {
  // TLS failures have no number: the client broke the protocol.
  const bool gone = error_number == EPIPE || error_number == ECONNRESET ||
                    error_number == ENOTCONN || error_number == ECANCELED;
  if (gone || error_number == 0) {
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
      stream_(make_plain_server_stream(socket_.native_handle())),
      watch_(watch),
      buffer_(std::max<std::size_t>(limits.max_header_bytes, 4096)),
      guard_(limits.stall_timeout, limits.min_progress_bytes) {}

Task<void> ConnectionIo::start_tls(TlsServerContext& context) {
  is_plain_ = false;
  ACCEL_CO_TRY(stream_, context.wrap(socket_.native_handle()));
  while (true) {
    const Attempt attempt = stream_->handshake();
    if (attempt.outcome == Outcome::moved) co_return Status{};
    if (attempt.outcome == Outcome::ended || attempt.outcome == Outcome::failed) {
      co_return fail(Errc::protocol, "The client did not finish the TLS handshake.");
    }
    const Status waited = co_await wait_for(attempt.outcome);
    if (!waited) co_return waited;
  }
}

Task<void> ConnectionIo::wait_for(Outcome wanted) {
  const auto direction = wanted == Outcome::wait_read ? Socket::wait_read : Socket::wait_write;
  const auto waited = co_await socket_.async_wait(direction, kAsTuple);
  const auto& [ec] = waited;
  if (ec) co_return send_error(ec.value());
  co_return Status{};
}

// The reactor reads when there is something: that saves an attempt in vain and arming the wait.
Task<std::size_t> ConnectionIo::read_plain() {
  const std::span<char> space = buffer_.space();
  const auto into = asio::buffer(space.data(), space.size());
  const auto got = co_await socket_.async_read_some(into, kAsTuple);
  const auto& [ec, bytes] = got;
  if (ec) co_return std::size_t{0};
  buffer_.filled(bytes);
  guard_.moved(bytes);
  co_return bytes;
}

Task<std::size_t> ConnectionIo::read() {
  if (is_plain_) co_return co_await read_plain();
  const std::span<char> space = buffer_.space();
  while (true) {
    const Attempt attempt = stream_->read(space);
    if (attempt.outcome == Outcome::ended || attempt.outcome == Outcome::failed) {
      co_return std::size_t{0};
    }
    if (attempt.bytes > 0) {
      buffer_.filled(attempt.bytes);
      guard_.moved(attempt.bytes);
      co_return attempt.bytes;
    }
    if (attempt.outcome == Outcome::moved) continue;  // A signal came first.
    const Status waited = co_await wait_for(attempt.outcome);
    if (!waited) co_return std::size_t{0};
  }
}

// Until the client takes more, for as long as the guard allows.
Task<void> ConnectionIo::wait_to_send(Outcome wanted) {
  waited_ = true;
  watch_.set_deadline(guard_.wait_until(system_clock().now()));
  co_return co_await wait_for(wanted);
}

// Between two sends the handler works, which no deadline of the client bounds.
void ConnectionIo::our_turn_again() {
  if (!waited_) return;
  waited_ = false;
  guard_.pause();
  const bool hurry = watch_.asked_to_stop();
  watch_.set_deadline(hurry ? system_clock().now() + kStopGrace : SteadyTime::max());
}

Task<void> ConnectionIo::send(Pieces pieces, bool more) { return send_from(pieces, 0, more); }

std::size_t ConnectionIo::send_now(const Pieces& pieces) {
  std::array<iovec, 3> vectors{};
  const std::size_t count = remaining_pieces(pieces, 0, vectors);
  const Attempt attempt = stream_->send({vectors.data(), count}, false);
  sent_now_ = attempt.outcome == Outcome::moved ? attempt.bytes : 0;
  guard_.moved(sent_now_);
  return sent_now_;
}

Task<void> ConnectionIo::send_rest(Pieces pieces) { return send_from(pieces, sent_now_, false); }

Task<void> ConnectionIo::send_from(Pieces pieces, std::size_t sent, bool more) {
  const std::size_t total = pieces[0].size() + pieces[1].size() + pieces[2].size();
  while (sent < total) {
    std::array<iovec, 3> vectors{};
    const std::size_t count = remaining_pieces(pieces, sent, vectors);
    const Attempt attempt = stream_->send({vectors.data(), count}, more);
    if (attempt.outcome == Outcome::moved) {
      sent += attempt.bytes;
      guard_.moved(attempt.bytes);
      continue;
    }
    if (attempt.outcome == Outcome::failed) co_return send_error(attempt.error_number);
    const Status waited = co_await wait_to_send(attempt.outcome);
    if (!waited) co_return waited;
  }
  our_turn_again();
  co_return Status{};
}

Task<void> ConnectionIo::send_slice(FileSlice slice) {
  std::uint64_t since_turn = 0;
  while (slice.length > 0) {
    const Attempt attempt = stream_->send_file(slice);
    if (attempt.outcome == Outcome::moved) {
      slice.offset += attempt.bytes;
      slice.length -= attempt.bytes;
      since_turn += attempt.bytes;
      guard_.moved(attempt.bytes);
      if (since_turn < kFairBytes || slice.length == 0) continue;
      since_turn = 0;
      co_await asio::post(asio::use_awaitable);
      continue;
    }
    if (attempt.outcome == Outcome::ended) {
      co_return fail(Errc::corrupt, "A file ended {} bytes before the end of what was promised.",
                     slice.length);
    }
    if (attempt.outcome == Outcome::failed) co_return send_error(attempt.error_number);
    since_turn = 0;
    const Status waited = co_await wait_to_send(attempt.outcome);
    if (!waited) co_return waited;
  }
  our_turn_again();
  co_return Status{};
}

void ConnectionIo::shut_write() {
  stream_->finish();
  ::shutdown(socket_.native_handle(), SHUT_WR);
}

void ConnectionIo::send_best_effort(std::string_view text) {
  // send() does not write through this pointer; iovec serves reading too.
  const std::array<iovec, 1> piece{{{const_cast<char*>(text.data()), text.size()}}};
  const Attempt attempt = stream_->send(piece, false);
  static_cast<void>(attempt);  // It may get lost.
}

}  // namespace accel::net
