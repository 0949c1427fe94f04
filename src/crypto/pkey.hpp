// SPDX-License-Identifier: Apache-2.0
#pragma once
// Owned OpenSSL keys made of raw bytes. Private to crypto.

#include <openssl/evp.h>

#include <memory>
#include <span>

#include "evp.hpp"

namespace accel::crypto::detail {

struct FreePkey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Pkey = std::unique_ptr<EVP_PKEY, FreePkey>;

// Any 32 bytes are a private key of Ed25519 and X25519.
inline Pkey raw_private_key(int kind, ByteView bytes) {
  Pkey key(EVP_PKEY_new_raw_private_key(kind, nullptr, bytes.data(), bytes.size()));
  if (!key) evp_failed("EVP_PKEY_new_raw_private_key");
  return key;
}

inline void raw_public_half(const Pkey& key, std::span<std::uint8_t> out) {
  std::size_t size = out.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), out.data(), &size) != 1 || size != out.size()) {
    evp_failed("EVP_PKEY_get_raw_public_key");
  }
}

}  // namespace accel::crypto::detail
