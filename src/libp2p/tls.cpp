// SPDX-License-Identifier: Apache-2.0
#include "tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>

#include "tls_bio.hpp"
#include "tls_certificate.hpp"

namespace accel::libp2p {
namespace {

// Behind their lengths, in the order in which we prefer them.
constexpr std::array<unsigned char, 20> kProtocols{12,  '/', 'y', 'a', 'm', 'u', 'x',
                                                   '/', '1', '.', '0', '.', '0', 6,
                                                   'l', 'i', 'b', 'p', '2', 'p'};
// AES first: it is the faster one where the CPU has it, and ours all have.
constexpr const char* kCipherSuites =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr std::size_t kRecordBytes = std::size_t{16} << 10U;

using Ssl = std::unique_ptr<SSL, FreeTls>;

Error tls_error(Errc code, std::string message) {
  std::array<char, 256> words{};
  if (const auto number = ERR_get_error(); number != 0) {
    ERR_error_string_n(number, words.data(), words.size());
  }
  ERR_clear_error();
  return Error{code, std::move(message), words.data()};
}

// Certificates are checked after the handshake, by the key inside: no authority vouches for them.
int accept_any_certificate(int, X509_STORE_CTX*) { return 1; }

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_length, kProtocols.data(), kProtocols.size(),
                                          offered, offered_length);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<Ssl> make_ssl(const TlsOptions& options) {
  Ssl ssl(SSL_new(options.context.get()));
  BIO* const bio = new_wire_bio();
  if (!ssl || bio == nullptr) {
    BIO_free(bio);
    return fail(tls_error(Errc::internal, "OpenSSL has no memory for a TLS connection."));
  }
  SSL_set_bio(ssl.get(), bio, bio);  // It owns it from here.
  options.initiator ? SSL_set_connect_state(ssl.get()) : SSL_set_accept_state(ssl.get());
  return ssl;
}
class TlsCodec final : public SecureCodec {
 public:
  explicit TlsCodec(Ssl ssl) : ssl_(std::move(ssl)) {}

  Status seal(ByteView plain, RawBuffer& wire) override {
    ERR_clear_error();
    wire.append(unsent_.view());
    unsent_.clear();
    const WireOfBio bound(SSL_get_wbio(ssl_.get()), nullptr, wire);
    std::size_t written = 0;
    if (!plain.empty() && SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) {
      return fail(tls_error(Errc::unavailable, "The TLS connection has ended."));
    }
    return {};
  }

  Status open(RawBuffer& wire, RawBuffer& plain) override {
    ERR_clear_error();
    const WireOfBio bound(SSL_get_wbio(ssl_.get()), &wire, unsent_);
    for (;;) {
      std::size_t got = 0;
      const int read = SSL_read_ex(ssl_.get(), plain.extend(kRecordBytes), kRecordBytes, &got);
      plain.drop_back(kRecordBytes - got);
      if (read == 1) continue;
      const int why = SSL_get_error(ssl_.get(), read);
      if (why == SSL_ERROR_WANT_READ) return {};
      if (why == SSL_ERROR_ZERO_RETURN) {
        return fail(Errc::unavailable, "The peer has closed the TLS connection.");
      }
      return fail(tls_error(Errc::protocol, "A TLS record is forged or broken."));
    }
  }

 private:
  Ssl ssl_;
  RawBuffer unsent_;  // What reading made OpenSSL say: an alert, a new key.
};

class TlsHandshake final : public SecureHandshake {
 public:
  TlsHandshake(TlsOptions options, Ssl ssl) : options_(std::move(options)), ssl_(std::move(ssl)) {}

  Status start(RawBuffer& out) override {
    return options_.initiator ? step(nullptr, out) : Status{};
  }

  Status advance(RawBuffer& in, RawBuffer& out) override { return step(&in, out); }

  bool done() const override { return done_; }

  SecureSession take() override {
    SecureSession session;
    const unsigned char* name = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &length);
    const std::string_view agreed(reinterpret_cast<const char*>(name), length);
    if (agreed == kYamuxProtocol) session.muxer = agreed;
    session.peer = std::move(peer_);
    session.codec = std::make_unique<TlsCodec>(std::move(ssl_));
    return session;
  }

 private:
  Status step(RawBuffer* in, RawBuffer& out) {
    ERR_clear_error();
    const WireOfBio bound(SSL_get_wbio(ssl_.get()), in, out);
    const int stepped = SSL_do_handshake(ssl_.get());
    const int why = SSL_get_error(ssl_.get(), stepped);
    if (stepped != 1) {
      if (why == SSL_ERROR_WANT_READ) return {};
      return fail(tls_error(Errc::protocol, "The TLS handshake with the peer failed."));
    }
    // OpenSSL keeps it; an own reference is freed here.
    const TlsCertificate certificate(SSL_get1_peer_certificate(ssl_.get()));
    ACCEL_TRY(peer_, peer_of_certificate(certificate.get()));
    if (options_.expected && *peer_ != *options_.expected) {
      return fail(Errc::unauthenticated, "The peer is {}, not {} as expected.", peer_->to_string(),
                  options_.expected->to_string());
    }
    done_ = true;
    return {};
  }

  TlsOptions options_;
  Ssl ssl_;
  std::optional<ipld::PeerId> peer_;
  bool done_ = false;
};

}  // namespace

Result<TlsContext> make_tls_context(const crypto::Ed25519Key& identity) {
  ACCEL_TRY(const TlsCredentials credentials, make_tls_credentials(identity));
  const TlsContext context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  const bool ready = context && SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1 &&
                     SSL_CTX_set_ciphersuites(context.get(), kCipherSuites) == 1 &&
                     SSL_CTX_use_certificate(context.get(), credentials.certificate.get()) == 1 &&
                     SSL_CTX_use_PrivateKey(context.get(), credentials.key.get()) == 1 &&
                     SSL_CTX_set_num_tickets(context.get(), 0) == 1;
  if (!ready) return fail(tls_error(Errc::internal, "OpenSSL can't be set up for TLS 1.3."));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     accept_any_certificate);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), kProtocols.data(), kProtocols.size());
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);  // An idle connection holds none.
  return context;
}

Result<std::unique_ptr<SecureHandshake>> make_tls_handshake(TlsOptions options) {
  ACCEL_TRY(Ssl ssl, make_ssl(options));
  return std::make_unique<TlsHandshake>(std::move(options), std::move(ssl));
}

}  // namespace accel::libp2p
