// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/ed25519.hpp"

#include "pkey.hpp"

namespace accel::crypto {

Ed25519Key Ed25519Key::generate(Random& random) {
  Secret32 seed;
  random.fill(seed.writable());
  return from_seed(seed);
}

Ed25519Key Ed25519Key::from_seed(const Secret32& seed) {
  Ed25519Key key;
  key.seed_ = seed;
  const auto pkey = detail::raw_private_key(EVP_PKEY_ED25519, seed.view());
  detail::raw_public_half(pkey, key.public_);
  return key;
}

Ed25519Signature Ed25519Key::sign(ByteView message) const {
  const auto pkey = detail::raw_private_key(EVP_PKEY_ED25519, seed_.view());
  const std::unique_ptr<EVP_MD_CTX, detail::FreePkey> context(EVP_MD_CTX_new());
  Ed25519Signature signature{};
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1) {
    detail::evp_failed("EVP_DigestSign");
  }
  return signature;
}

}  // namespace accel::crypto
