// SPDX-License-Identifier: Apache-2.0
// The only translation unit that knows boost/asio/ssl.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

#include "stream.hpp"

namespace accel::net {
namespace {

namespace ssl = asio::ssl;
using boost::system::error_code;

bool is_certificate_error(const error_code& ec) {
  return ec.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_CERTIFICATE_VERIFY_FAILED;
}

Error tls_error(const error_code& ec) {
  if (is_certificate_error(ec)) {
    return {Errc::unauthenticated,
            "its certificate is not one that this system trusts for the name", ec.message()};
  }
  if (ec.category() == asio::error::get_ssl_category()) {
    return {Errc::protocol, "TLS failed", ec.message()};
  }
  return stream_error(ec);
}

class TlsStream final : public ByteStream {
 public:
  TlsStream(Socket socket, ssl::context& context) : stream_(std::move(socket), context) {}

  // Errors: internal when OpenSSL refuses the name.
  Status expect_host(const std::string& host) {
    error_code ec;
    asio::ip::make_address(host, ec);
    const bool is_name = static_cast<bool>(ec);
    // The macro SSL_set_tlsext_host_name has an old-style cast in it.
    const long named = !is_name
                           ? 1
                           : SSL_ctrl(stream_.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                      TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
    if (named != 1) return fail(Errc::internal, "TLS refuses the host name {}", host);
    ec.clear();
    stream_.set_verify_mode(ssl::verify_peer, ec);
    if (!ec) stream_.set_verify_callback(ssl::host_name_verification(host), ec);
    if (ec) return fail(Errc::internal, "TLS can't verify: {}", ec.message());
    return {};
  }

  Task<void> handshake() {
    const auto got = co_await stream_.async_handshake(ssl::stream_base::client, kAsTuple);
    const auto& [ec] = got;
    if (ec) co_return fail(tls_error(ec));
    co_return Status{};
  }

  Task<std::size_t> read_some(std::span<std::uint8_t> out) override {
    const auto target = asio::buffer(out.data(), out.size());
    const auto got = co_await stream_.async_read_some(target, kAsTuple);
    const auto& [ec, count] = got;
    // A peer that closes without close_notify: the length of the body says whether something is
    // missing.
    if (ec == asio::error::eof || ec == ssl::error::stream_truncated) co_return std::size_t{0};
    if (ec) co_return fail(tls_error(ec));
    co_return count;
  }

  Task<void> write_all(std::string_view text) override {
    const auto source = asio::buffer(text.data(), text.size());
    const auto got = co_await asio::async_write(stream_, source, kAsTuple);
    const auto& [ec, count] = got;
    if (ec) co_return fail(tls_error(ec));
    co_return Status{};
  }

  void cancel() override {
    error_code ec;
    stream_.next_layer().cancel(ec);
  }

  bool is_quiet() override {
    char one = 0;
    const int fd = stream_.next_layer().native_handle();
    const ssize_t count = ::recv(fd, &one, 1, MSG_PEEK | MSG_DONTWAIT);
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

 private:
  ssl::stream<Socket> stream_;
};

class OpenSslContext final : public TlsContext {
 public:
  OpenSslContext() : context_(ssl::context::tls_client) {}

  Status load(const std::string& ca_file) {
    error_code ec;
    context_.set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, ec);
    context_.set_default_verify_paths(ec);
    if (!ca_file.empty()) context_.load_verify_file(ca_file, ec);
    if (ec) {
      return fail(Errc::invalid_argument, "The certificates of {} can't be read: {}.",
                  ca_file.empty() ? "the system" : ca_file, ec.message());
    }
    return {};
  }

  Task<std::unique_ptr<ByteStream>> connect(Socket socket, std::string host,
                                            std::function<void(ByteStream&)> on_stream) override {
    auto stream = std::make_unique<TlsStream>(std::move(socket), context_);
    ACCEL_CO_CHECK(stream->expect_host(host));
    on_stream(*stream);
    const Status shaken = co_await stream->handshake();
    if (!shaken) co_return fail(Error(shaken.error()));
    co_return std::unique_ptr<ByteStream>(std::move(stream));
  }

 private:
  ssl::context context_;
};

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::make(const std::string& ca_file) {
  try {
    auto context = std::make_shared<OpenSslContext>();
    ACCEL_CHECK(context->load(ca_file));
    return std::shared_ptr<TlsContext>(std::move(context));
  } catch (const std::exception& thrown) {
    return fail(Errc::internal, "TLS can't be set up: {}.", thrown.what());
  }
}

}  // namespace accel::net
