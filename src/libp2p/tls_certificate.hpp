// SPDX-License-Identifier: Apache-2.0
#pragma once
// The certificate of a peer: a fresh key, vouched for by the identity key in an extension. Private
// to libp2p. Spec: libp2p/specs tls/tls.md ("Peer Authentication").

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

#include "accel/crypto/ed25519.hpp"
#include "accel/ipld/peer_id.hpp"

namespace accel::libp2p {

struct FreeTls {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using TlsKey = std::unique_ptr<EVP_PKEY, FreeTls>;
using TlsCertificate = std::unique_ptr<X509, FreeTls>;

struct TlsCredentials {
  TlsKey key;
  TlsCertificate certificate;
};

// Errors: internal.
Result<TlsCredentials> make_tls_credentials(const crypto::Ed25519Key& identity);
// The peer that the certificate belongs to. Errors: unauthenticated.
Result<ipld::PeerId> peer_of_certificate(X509* certificate);

}  // namespace accel::libp2p
