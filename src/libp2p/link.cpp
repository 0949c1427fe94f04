// SPDX-License-Identifier: Apache-2.0
#include "link.hpp"

#include <boost/asio/buffer.hpp>

#include "signal.hpp"

namespace accel::libp2p {
namespace {

// Four full Noise messages: few system calls for a fast peer, little memory for many slow ones.
constexpr std::size_t kReadBytes = std::size_t{256} << 10U;

Error line_error(const boost::system::error_code& ec) {
  if (ec == asio::error::operation_aborted) {
    return Error{Errc::cancelled, "The connection was closed here.", ec.message()};
  }
  const bool closed = ec == asio::error::eof;
  return Error{Errc::unavailable,
               closed ? "The peer has closed the connection." : "The connection to the peer broke.",
               closed ? std::string() : ec.message()};
}

}  // namespace

Link::Link(Socket socket) : socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
}

Task<void> Link::fill() {
  for (;;) {
    const auto count = co_await read_more();
    ACCEL_CO_CHECK(count);
    if (private_) private_->reveal(in_, *count);
    if (!in_.empty()) co_return Status{};
  }
}

Task<void> Link::accept_websocket() {
  websocket_ = std::make_unique<WebSocket>(std::move(socket_));
  auto accepting = websocket_->accept();
  co_return co_await std::move(accepting);
}

Task<void> Link::dial_websocket(std::string host) {
  websocket_ = std::make_unique<WebSocket>(std::move(socket_));
  auto dialing = websocket_->dial(std::move(host));
  co_return co_await std::move(dialing);
}

Task<std::size_t> Link::read_more() {
  in_.reserve(in_.empty() ? kReadBytes : kReadBytes / 2);
  const std::size_t room = in_.room();
  std::uint8_t* const at = in_.extend(room);
  if (websocket_) {
    const auto read = co_await websocket_->read_some(at, room);
    in_.drop_back(room - read.value_or(0));
    ACCEL_CO_CHECK(read);
    bytes_in_ += *read;
    co_return *read;
  }
  const auto read = co_await socket_.async_read_some(asio::buffer(at, room), kAsTuple);
  const auto& [ec, count] = read;
  in_.drop_back(room - count);
  if (ec) co_return fail(line_error(ec));
  bytes_in_ += count;
  co_return count;
}

Task<void> Link::send(RawBuffer& out) {
  if (private_ && !out.empty()) private_->hide(out);
  while (!out.empty()) {
    if (websocket_) {
      const auto sent = co_await websocket_->write_some(out.view());
      if (!sent) out.clear();
      ACCEL_CO_CHECK(sent);
      bytes_out_ += *sent;
      out.consume(*sent);
      continue;
    }
    const auto bytes = asio::buffer(out.data(), out.size());
    const auto written = co_await socket_.async_write_some(bytes, kAsTuple);
    const auto& [ec, count] = written;
    bytes_out_ += count;  // At once: whoever watches sees that the peer still reads.
    if (ec) out.clear();
    if (ec) co_return fail(line_error(ec));
    out.consume(count);
  }
  co_return Status{};
}

void Link::send_now(RawBuffer& out) {
  if (websocket_) return;
  if (private_ && !out.empty()) private_->hide(out);
  boost::system::error_code ignored;
  socket_.write_some(asio::buffer(out.view().data(), out.size()), ignored);
}

void Link::close() {
  if (websocket_) return websocket_->close();
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace accel::libp2p
