// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

#include "stream.hpp"

namespace accel::net {
namespace {

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  Task<std::size_t> read_some(std::span<std::uint8_t> out) override {
    const auto target = asio::buffer(out.data(), out.size());
    const auto got = co_await socket_.async_read_some(target, kAsTuple);
    const auto& [ec, count] = got;
    if (ec == asio::error::eof) co_return std::size_t{0};
    if (ec) co_return fail(stream_error(ec));
    co_return count;
  }

  Task<void> write_all(std::string_view text) override {
    const auto source = asio::buffer(text.data(), text.size());
    const auto got = co_await asio::async_write(socket_, source, kAsTuple);
    const auto& [ec, count] = got;
    if (ec) co_return fail(stream_error(ec));
    co_return Status{};
  }

  void cancel() override {
    boost::system::error_code ec;
    socket_.cancel(ec);
  }

  bool is_quiet() override {
    char one = 0;
    const ssize_t count = ::recv(socket_.native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT);
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

 private:
  Socket socket_;
};

}  // namespace

std::unique_ptr<ByteStream> make_plain_stream(Socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

Error stream_error(const boost::system::error_code& ec) {
  if (ec == asio::error::operation_aborted) {
    return {Errc::cancelled, "the operation was cancelled", ec.message()};
  }
  if (ec == asio::error::connection_refused) {
    return {Errc::unavailable, "nobody listens there", ec.message()};
  }
  return {Errc::unavailable, "the connection broke", ec.message()};
}

}  // namespace accel::net
