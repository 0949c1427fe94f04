// SPDX-License-Identifier: Apache-2.0
// TLS for the server: OpenSSL straight on the non-blocking socket, so that the connection loop
// waits for TLS as it waits for a plain socket.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "server_stream.hpp"

namespace accel::net {
namespace {

// One record, so that what is staged for it is sent whole or not at all.
constexpr std::size_t kStageBytes = 16 * 1024;
// In the order in which we prefer them, each behind its length.
constexpr std::array<unsigned char, 12> kProtocols{2,   'h', '2', 8,   'h', 't',
                                                   't', 'p', '/', '1', '.', '1'};

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

std::string last_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

// A client that offers neither is told so by an alert.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_length, kProtocols.data(), kProtocols.size(),
                                          offered, offered_length);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

class TlsServerStream final : public ServerStream {
 public:
  explicit TlsServerStream(std::unique_ptr<SSL, FreeSsl> ssl) : ssl_(std::move(ssl)) {}

  Attempt handshake() override {
    ERR_clear_error();
    return outcome(SSL_accept(ssl_.get()), 0);
  }

  Attempt read(std::span<char> out) override {
    ERR_clear_error();
    std::size_t count = 0;
    const int done = SSL_read_ex(ssl_.get(), out.data(), out.size(), &count);
    return outcome(done, count);
  }

  Attempt send(std::span<const iovec> pieces, bool) override {
    std::size_t staged = 0;
    for (const iovec& piece : pieces) {
      const std::size_t part = std::min(piece.iov_len, kStageBytes - staged);
      std::memcpy(stage_.data() + staged, piece.iov_base, part);
      staged += part;
    }
    return write(staged);
  }

  Attempt send_file(const FileSlice& slice) override {
    const std::size_t wanted = std::min<std::uint64_t>(slice.length, kStageBytes);
    const auto offset = static_cast<off_t>(slice.offset);
    const ssize_t got = ::pread(slice.fd->get(), stage_.data(), wanted, offset);
    if (got == 0) return {Outcome::ended};
    if (got < 0) return attempt_of(got, Outcome::failed);
    return write(static_cast<std::size_t>(got));
  }

  std::string_view protocol() const override {
    const unsigned char* name = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &length);
    return {reinterpret_cast<const char*>(name), length};
  }

  void finish() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }

 private:
  Attempt write(std::size_t count) {
    if (count == 0) return {};
    ERR_clear_error();
    std::size_t written = 0;
    const int done = SSL_write_ex(ssl_.get(), stage_.data(), count, &written);
    return outcome(done, written);
  }

  Attempt outcome(int done, std::size_t count) const {
    if (done > 0) return {Outcome::moved, count};
    const int why = SSL_get_error(ssl_.get(), done);
    if (why == SSL_ERROR_WANT_READ) return {Outcome::wait_read};
    if (why == SSL_ERROR_WANT_WRITE) return {Outcome::wait_write};
    if (why == SSL_ERROR_ZERO_RETURN) return {Outcome::ended};
    return {Outcome::failed, 0, why == SSL_ERROR_SYSCALL ? errno : 0};
  }

  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::array<char, kStageBytes> stage_{};
};

class OpenSslServerContext final : public TlsServerContext {
 public:
  explicit OpenSslServerContext(std::unique_ptr<SSL_CTX, FreeContext> context)
      : context_(std::move(context)) {}

  Status load(const std::string& certificate, const std::string& key) {
    SSL_CTX* const raw = context_.get();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(raw, &choose_protocol, nullptr);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(raw, certificate.c_str()) != 1) {
      return fail(Errc::invalid_argument, "{} holds no certificate in PEM that can be read: {}.",
                  certificate, last_error());
    }
    if (SSL_CTX_use_PrivateKey_file(raw, key.c_str(), SSL_FILETYPE_PEM) != 1) {
      return fail(Errc::invalid_argument, "{} is not the private key (PEM) of {}: {}.", key,
                  certificate, last_error());
    }
    return {};
  }

  // Sessions are not resumed then: each handshake shows its certificate.
  Status ask_clients(const std::string& authorities) {
    SSL_CTX* const raw = context_.get();
    ERR_clear_error();
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(authorities.c_str());
    if (names == nullptr || SSL_CTX_load_verify_locations(raw, authorities.c_str(), nullptr) != 1) {
      return fail(Errc::invalid_argument,
                  "{} holds no certificates in PEM by which clients could be known: {}.",
                  authorities, last_error());
    }
    SSL_CTX_set_client_CA_list(raw, names);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);
    return {};
  }

  Result<std::unique_ptr<ServerStream>> wrap(int fd) override {
    std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context_.get()));
    if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) {
      return fail(Errc::internal, "TLS can't be set up for a connection: {}.", last_error());
    }
    return std::make_unique<TlsServerStream>(std::move(ssl));
  }

 private:
  std::unique_ptr<SSL_CTX, FreeContext> context_;
};

}  // namespace

Result<std::shared_ptr<TlsServerContext>> make_tls_server_context(const ServerTls& files) {
  std::unique_ptr<SSL_CTX, FreeContext> raw(SSL_CTX_new(TLS_server_method()));
  if (!raw) return fail(Errc::internal, "TLS can't be set up: {}.", last_error());
  auto context = std::make_shared<OpenSslServerContext>(std::move(raw));
  ACCEL_CHECK(context->load(files.certificate, files.key));
  if (!files.client_ca.empty()) ACCEL_CHECK(context->ask_clients(files.client_ca));
  return std::shared_ptr<TlsServerContext>(std::move(context));
}

}  // namespace accel::net
