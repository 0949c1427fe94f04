// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/public_key.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace accel::crypto {
namespace {

constexpr std::size_t kEd25519KeyBytes = 32;
constexpr std::size_t kSecp256k1KeyBytes = 33;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};

Key read_pkix(ByteView der, int wanted) {
  const unsigned char* at = der.data();
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  const bool whole = key && at == der.data() + der.size();
  return whole && EVP_PKEY_get_base_id(key.get()) == wanted ? std::move(key) : nullptr;
}

Key read_ed25519(ByteView bytes) {
  if (bytes.size() != kEd25519KeyBytes) return nullptr;
  return Key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size()));
}

Key read_secp256k1(ByteView point) {
  if (point.size() != kSecp256k1KeyBytes) return nullptr;
  const std::unique_ptr<EVP_PKEY_CTX, FreeContext> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
  std::string group = "secp256k1";
  Bytes copy(point.begin(), point.end());  // OpenSSL's parameters are not const.
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy.data(), copy.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params) != 1) return nullptr;
  return Key(made);
}

Key read_key(KeyType type, ByteView bytes) {
  switch (type) {
    case KeyType::rsa: {
      Key key = read_pkix(bytes, EVP_PKEY_RSA);
      return key && EVP_PKEY_get_bits(key.get()) >= kMinRsaBits ? std::move(key) : nullptr;
    }
    case KeyType::ed25519:
      return read_ed25519(bytes);
    case KeyType::secp256k1:
      return read_secp256k1(bytes);
    case KeyType::ecdsa:
      return read_pkix(bytes, EVP_PKEY_EC);
  }
  return nullptr;
}

}  // namespace

Result<bool> verify_signature(KeyType type, ByteView key, ByteView message, ByteView signature) {
  const Key read = key.size() > kMaxPublicKeyBytes ? nullptr : read_key(type, key);
  if (!read) return fail(Errc::invalid_argument, "The public key cannot be read, or is too weak.");
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  const EVP_MD* const digest = type == KeyType::ed25519 ? nullptr : EVP_sha256();
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, read.get()) != 1) {
    return fail(Errc::internal, "OpenSSL cannot verify signatures of this kind of key.");
  }
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

}  // namespace accel::crypto
