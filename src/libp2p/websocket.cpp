// SPDX-License-Identifier: Apache-2.0
#include "websocket.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/websocket.hpp>

#include "signal.hpp"

namespace accel::libp2p {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

namespace detail {

// Beast ends a broken connection by waiting for the other side's end, however long that takes and
// whoever cancels it. This one is closed.
struct WebSocketCarrier : WebSocket::Socket {
  explicit WebSocketCarrier(WebSocket::Socket socket) : WebSocket::Socket(std::move(socket)) {}

  void end() {
    boost::system::error_code ignored;
    shutdown(shutdown_both, ignored);
    close(ignored);
  }
};

// Found by Beast through the type of the socket.
void teardown(beast::role_type, WebSocketCarrier& carrier, beast::error_code&) { carrier.end(); }

template <class Handler>
void async_teardown(beast::role_type, WebSocketCarrier& carrier, Handler&& handler) {
  carrier.end();
  asio::post(carrier.get_executor(),
             beast::bind_front_handler(std::forward<Handler>(handler), beast::error_code{}));
}

}  // namespace detail

namespace {

// Of what this side masks: the memory that a dialed connection keeps.
constexpr std::size_t kMaskBytes = std::size_t{16} << 10U;

Error socket_error(const beast::error_code& ec) {
  if (ec == asio::error::operation_aborted) {
    return {Errc::cancelled, "The connection was closed here.", ec.message()};
  }
  if (ec == websocket::error::closed || ec == asio::error::eof ||
      ec == beast::http::error::end_of_stream) {
    return {Errc::unavailable, "The peer has closed the connection.", {}};
  }
  if (ec.category() == asio::error::get_system_category()) {
    return {Errc::unavailable, "The connection to the peer broke.", ec.message()};
  }
  return {Errc::protocol, "The peer does not speak WebSocket as it should.", ec.message()};
}

}  // namespace

struct WebSocket::Impl {
  explicit Impl(Socket socket) : stream(std::move(socket)) {
    stream.binary(true);
    stream.auto_fragment(false);
    stream.write_buffer_bytes(kMaskBytes);
    // Messages are passed on as they come: none is ever held.
    stream.read_message_max(0);
  }

  websocket::stream<detail::WebSocketCarrier, false>
      stream;  // Without compression: all is encrypted.
};

WebSocket::WebSocket(Socket socket) : impl_(std::make_unique<Impl>(std::move(socket))) {}

WebSocket::~WebSocket() = default;

Task<void> WebSocket::accept() {
  const auto accepted = co_await impl_->stream.async_accept(kAsTuple);
  const auto& [ec] = accepted;
  if (ec) co_return fail(socket_error(ec));
  co_return Status{};
}

Task<void> WebSocket::dial(std::string host) {
  const std::string path = "/";
  const auto dialed = co_await impl_->stream.async_handshake(host, path, kAsTuple);
  const auto& [ec] = dialed;
  if (ec) co_return fail(socket_error(ec));
  co_return Status{};
}

Task<std::size_t> WebSocket::read_some(std::uint8_t* at, std::size_t room) {
  for (;;) {
    const auto into = asio::buffer(at, room);
    const auto read = co_await impl_->stream.async_read_some(into, kAsTuple);
    const auto& [ec, count] = read;
    if (ec) co_return fail(socket_error(ec));
    if (impl_->stream.got_text()) {
      co_return fail(Errc::protocol, "The peer sends text where binary messages are spoken.");
    }
    if (count > 0) co_return count;
  }
}

Task<std::size_t> WebSocket::write_some(ByteView bytes) {
  const ByteView part = bytes.first(std::min(bytes.size(), kMostPerMessage));
  const auto from = asio::buffer(part.data(), part.size());
  const auto written = co_await impl_->stream.async_write(from, kAsTuple);
  const auto& [ec, count] = written;
  if (ec) co_return fail(socket_error(ec));
  co_return count;
}

void WebSocket::close() { impl_->stream.next_layer().end(); }

}  // namespace accel::libp2p
