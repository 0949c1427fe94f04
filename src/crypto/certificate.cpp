// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/certificate.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

namespace accel::crypto {
namespace {

constexpr long kSecondsPerDay = 24L * 60 * 60;
constexpr int kSerialBits = 127;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> openssl_error(std::string_view what) {
  std::array<char, 256> words{};
  ERR_error_string_n(ERR_get_error(), words.data(), words.size());
  ERR_clear_error();
  return fail(Error{Errc::internal, fmt::format("A certificate can't be made: {} failed.", what),
                    words.data()});
}

bool is_name(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == ':' || c == '*';
  });
}

bool is_address(const std::string& name) {
  return name.find(':') != std::string::npos ||
         std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

Result<std::string> alternative_names(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    if (!is_name(name)) {
      return fail(Errc::invalid_argument, "\"{}\" is no name for a certificate.", name);
    }
    list += fmt::format("{}{}:{}", list.empty() ? "" : ",", is_address(name) ? "IP" : "DNS", name);
  }
  if (list.empty()) return fail(Errc::invalid_argument, "A certificate needs a name.");
  return list;
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
  const Owned<BIGNUM> number(BN_new());
  return number && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool fill(X509* certificate, EVP_PKEY* key, const std::string& names, int days) {
  constexpr long kVersion3 = 2;
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const std::string common = "ipfs-accelerate";
  const auto* const text = reinterpret_cast<const unsigned char*>(common.data());
  return X509_set_version(certificate, kVersion3) == 1 && set_serial(certificate) &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -kSecondsPerDay) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), days * kSecondsPerDay) != nullptr &&
         X509_set_pubkey(certificate, key) == 1 &&
         X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, text,
                                    static_cast<int>(common.size()), -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1 &&
         add_extension(certificate, NID_subject_alt_name, names) &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

Result<CertificateAndKey> make_self_signed_certificate(const std::vector<std::string>& names,
                                                       int days) {
  ACCEL_TRY(const std::string list, alternative_names(names));
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("making a key");
  const Owned<X509> certificate(X509_new());
  if (!certificate || !fill(certificate.get(), key.get(), list, days)) {
    return openssl_error("filling in its fields");
  }
  const Owned<BIO> certificate_text(BIO_new(BIO_s_mem()));
  const Owned<BIO> key_text(BIO_new(BIO_s_mem()));
  if (!certificate_text || !key_text ||
      PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1) {
    return openssl_error("writing it");
  }
  return CertificateAndKey{text_of(certificate_text.get()), text_of(key_text.get())};
}

Result<CertificateKey> public_key_of_certificate(std::string_view pem) {
  const Owned<BIO> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Owned<X509> certificate(text ? PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)
                                     : nullptr);
  ERR_clear_error();
  if (!certificate) return fail(Errc::invalid_argument, "The PEM text holds no certificate.");
  EVP_PKEY* const key = X509_get0_pubkey(certificate.get());
  const int kind = key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key);
  if (kind != EVP_PKEY_EC && kind != EVP_PKEY_RSA) {
    return fail(Errc::unsupported, "The certificate's key is neither RSA nor ECDSA.");
  }
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return openssl_error("i2d_PUBKEY");
  CertificateKey found{kind == EVP_PKEY_EC ? KeyType::ecdsa : KeyType::rsa, Bytes(der, der + size)};
  OPENSSL_free(der);
  return found;
}

}  // namespace accel::crypto
