// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private Ed25519 keys as PEM, the form in which OpenSSL and Kubo's `key export --format
// pem-pkcs8-cleartext` write them. Used by node. Pure. Spec: RFC 7468, RFC 8410 ("PrivateKeyInfo").

#include <string>
#include <string_view>

#include "accel/crypto/ed25519.hpp"

namespace accel::libp2p {

// Errors of reading: corrupt (no PEM of a private key), unsupported (a key of another type, or an
// encrypted one).
std::string write_pem_key(const crypto::Ed25519Key& key);
Result<crypto::Ed25519Key> read_pem_key(std::string_view pem);

}  // namespace accel::libp2p
