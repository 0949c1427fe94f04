// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/certificate.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace accel::crypto {
namespace {

X509* read_certificate(const std::string& pem) {
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* const certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

TEST(Certificate, vouches_for_the_names_it_was_made_for) {
  const auto made = make_self_signed_certificate({"localhost", "127.0.0.1", "::1"}, 30);
  ASSERT_TRUE(made) << made.error().to_string();
  X509* const certificate = read_certificate(made->certificate);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_host(certificate, "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate, "elsewhere", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "::1", 0), 1);
  EXPECT_EQ(X509_verify(certificate, X509_get0_pubkey(certificate)), 1);
  X509_free(certificate);
  EXPECT_NE(made->key.find("BEGIN PRIVATE KEY"), std::string::npos);
  EXPECT_EQ(made->certificate.find("PRIVATE"), std::string::npos);
}

TEST(Certificate, gives_its_key_as_libp2p_carries_it) {
  const auto made = make_self_signed_certificate({"localhost"}, 30).value();
  const auto key = public_key_of_certificate(made.certificate);
  ASSERT_TRUE(key) << key.error().to_string();
  EXPECT_EQ(key->type, KeyType::ecdsa);
  EXPECT_EQ(key->der.size(), 91U);  // P-256.
  const Bytes nothing;
  EXPECT_TRUE(verify_signature(key->type, key->der, nothing, nothing).has_value());
  EXPECT_EQ(public_key_of_certificate("nonsense").error().code, Errc::invalid_argument);
  EXPECT_EQ(public_key_of_certificate("").error().code, Errc::invalid_argument);
}

TEST(Certificate, refuses_names_that_would_become_something_else) {
  for (const auto& names :
       std::vector<std::vector<std::string>>{{}, {""}, {"a,DNS:b"}, {"localhost", "x\ny"}}) {
    const auto made = make_self_signed_certificate(names, 1);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace accel::crypto
