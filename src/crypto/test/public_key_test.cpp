// SPDX-License-Identifier: Apache-2.0
// Vectors: RFC 8032 section 7.1 (test 3) for Ed25519. The other kinds sign here, by OpenSSL, and
// are verified from the form that libp2p carries.
#include "accel/crypto/public_key.hpp"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace accel::crypto {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

Bytes sign(EVP_PKEY* key, ByteView message) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  std::size_t size = 0;
  EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key);
  EVP_DigestSign(context, nullptr, &size, message.data(), message.size());
  Bytes signature(size);
  EXPECT_EQ(EVP_DigestSign(context, signature.data(), &size, message.data(), message.size()), 1);
  signature.resize(size);
  EVP_MD_CTX_free(context);
  return signature;
}

Bytes pkix(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

// The 33 bytes of a compressed point.
Bytes compressed(EVP_PKEY* key) {
  Bytes point(65);
  std::size_t size = 0;
  EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size);
  if (size == 65) {
    point[0] = static_cast<std::uint8_t>(2 + (point[64] & 1));
    size = 33;
  }
  point.resize(size);
  return point;
}

void expect_only_this_message(KeyType type, ByteView key, EVP_PKEY* signer) {
  const Bytes message = to_bytes("a message");
  Bytes signature = sign(signer, message);
  EXPECT_TRUE(verify_signature(type, key, message, signature).value());
  EXPECT_FALSE(verify_signature(type, key, as_bytes("another"), signature).value());
  signature.back() ^= 1U;
  EXPECT_FALSE(verify_signature(type, key, message, signature).value());
  EXPECT_FALSE(verify_signature(type, key, message, {}).value());
}

TEST(PublicKey, ed25519_holds_for_the_vector_of_the_rfc) {
  const Bytes key =
      from_hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025").value();
  const Bytes message = from_hex("af82").value();
  Bytes signature = from_hex(
                        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")
                        .value();
  EXPECT_TRUE(verify_signature(KeyType::ed25519, key, message, signature).value());
  signature[0] ^= 1U;
  EXPECT_FALSE(verify_signature(KeyType::ed25519, key, message, signature).value());
}

TEST(PublicKey, rsa_is_read_as_pkix) {
  const Key key(EVP_RSA_gen(2048));
  expect_only_this_message(KeyType::rsa, pkix(key.get()), key.get());
}

TEST(PublicKey, ecdsa_is_read_as_pkix) {
  const Key key(EVP_EC_gen("P-256"));
  expect_only_this_message(KeyType::ecdsa, pkix(key.get()), key.get());
}

TEST(PublicKey, secp256k1_is_read_as_a_compressed_point) {
  const Key key(EVP_EC_gen("secp256k1"));
  const Bytes point = compressed(key.get());
  ASSERT_EQ(point.size(), 33U);
  expect_only_this_message(KeyType::secp256k1, point, key.get());
}

TEST(PublicKey, what_is_no_key_or_a_weak_one_is_refused) {
  const Key weak(EVP_RSA_gen(1024));
  const auto error_of = [](KeyType type, ByteView key) {
    const auto held = verify_signature(type, key, {}, {});
    return held ? std::string("none") : std::string(errc_name(held.error().code));
  };
  EXPECT_EQ(error_of(KeyType::rsa, pkix(weak.get())), "invalid_argument");
  EXPECT_EQ(error_of(KeyType::ecdsa, pkix(weak.get())), "invalid_argument");
  Bytes trailing = pkix(Key(EVP_RSA_gen(2048)).get());
  trailing.push_back(0);
  EXPECT_EQ(error_of(KeyType::rsa, trailing), "invalid_argument");
  for (const KeyType type : {KeyType::rsa, KeyType::ed25519, KeyType::secp256k1, KeyType::ecdsa}) {
    EXPECT_EQ(error_of(type, {}), "invalid_argument");
    EXPECT_EQ(error_of(type, Bytes(33, 0xff)), "invalid_argument");
    EXPECT_EQ(error_of(type, Bytes(kMaxPublicKeyBytes + 1)), "invalid_argument");
  }
}

}  // namespace
}  // namespace accel::crypto
