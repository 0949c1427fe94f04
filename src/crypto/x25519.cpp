// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/x25519.hpp"

#include <openssl/err.h>

#include "pkey.hpp"

namespace accel::crypto {

X25519Key X25519Key::generate(Random& random) {
  Secret32 secret;
  random.fill(secret.writable());
  return from_private(secret);
}

X25519Key X25519Key::from_private(const Secret32& secret) {
  X25519Key key;
  key.private_ = secret;
  const auto pkey = detail::raw_private_key(EVP_PKEY_X25519, secret.view());
  detail::raw_public_half(pkey, key.public_);
  return key;
}

Result<Secret32> X25519Key::agree(ByteView peer) const {
  const auto refused = fail(Errc::invalid_argument, "The peer's X25519 key can't be used.");
  if (peer.size() != kX25519Bytes) return refused;
  const auto own = detail::raw_private_key(EVP_PKEY_X25519, private_.view());
  const detail::Pkey other(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, peer.data(), peer.size()));
  const std::unique_ptr<EVP_PKEY_CTX, detail::FreePkey> context(
      EVP_PKEY_CTX_new(own.get(), nullptr));
  Secret32 shared;
  std::size_t size = kX25519Bytes;
  // OpenSSL refuses the points whose result would be all zero, as RFC 7748 section 6.1 asks.
  const bool agreed = other && context && EVP_PKEY_derive_init(context.get()) == 1 &&
                      EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1 &&
                      EVP_PKEY_derive(context.get(), shared.writable().data(), &size) == 1;
  ERR_clear_error();
  if (!agreed || size != kX25519Bytes) return refused;
  return shared;
}

}  // namespace accel::crypto
