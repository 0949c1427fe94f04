// SPDX-License-Identifier: Apache-2.0
#pragma once
// A certificate that vouches for itself: enough to speak TLS on loopback, where nobody else's word
// is needed. Used by node for a gateway without a certificate of its own. Pure: files are the
// caller's. Spec: RFC 5280 (X.509 v3), key on P-256.

#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"
#include "accel/crypto/public_key.hpp"

namespace accel::crypto {

struct CertificateAndKey {
  std::string certificate;  // PEM.
  std::string key;          // PEM, PKCS#8.
};

// For DNS names and IP addresses ("localhost", "127.0.0.1", "::1"), valid from yesterday on.
// Errors: invalid_argument (no name, or one that X.509 can't carry), internal (OpenSSL's).
Result<CertificateAndKey> make_self_signed_certificate(const std::vector<std::string>& names,
                                                       int days);

struct CertificateKey {
  KeyType type = KeyType::ecdsa;  // rsa or ecdsa.
  Bytes der;                      // PKIX SubjectPublicKeyInfo, as libp2p carries it.
};
// The key that the first certificate of a PEM text speaks of. Errors: invalid_argument (no
// certificate), unsupported (another kind of key).
Result<CertificateKey> public_key_of_certificate(std::string_view pem);

}  // namespace accel::crypto
