// SPDX-License-Identifier: Apache-2.0
#include "tls_certificate.hpp"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <array>

#include "identity.hpp"

namespace accel::libp2p {
namespace {

constexpr const char* kExtensionOid = "1.3.6.1.4.1.53594.1.1";
constexpr std::string_view kSignedPrefix = "libp2p-tls-handshake:";
constexpr long kBackdatedSeconds = 60L * 60;  // For clocks that disagree.
constexpr long kValidSeconds = 100L * 365 * 24 * 60 * 60;
constexpr int kSerialBytes = 8;

struct Free {
  void operator()(ASN1_OBJECT* object) const { ASN1_OBJECT_free(object); }
  void operator()(ASN1_OCTET_STRING* text) const { ASN1_OCTET_STRING_free(text); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(ASN1_SEQUENCE_ANY* sequence) const {
    sk_ASN1_TYPE_pop_free(sequence, ASN1_TYPE_free);
  }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> refused(std::string_view why) {
  ERR_clear_error();
  return fail(Errc::unauthenticated, "The peer's certificate is not accepted: {}.", why);
}

Owned<ASN1_OBJECT> extension_oid() { return Owned<ASN1_OBJECT>(OBJ_txt2obj(kExtensionOid, 1)); }

// "libp2p-tls-handshake:" and the certificate's public key in DER.
Bytes signed_text(X509* certificate) {
  Bytes text = to_bytes(kSignedPrefix);
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size > 0) text.insert(text.end(), der, der + size);
  OPENSSL_free(der);
  return text;
}

void put_der(Bytes& out, std::uint8_t tag, ByteView content) {
  constexpr std::size_t kShortForm = 128;
  out.push_back(tag);
  if (content.size() < kShortForm) {
    out.push_back(static_cast<std::uint8_t>(content.size()));
  } else {
    out.push_back(0x82);  // Two bytes of length follow.
    out.push_back(static_cast<std::uint8_t>(content.size() >> 8U));
    out.push_back(static_cast<std::uint8_t>(content.size() & 0xffU));
  }
  out.insert(out.end(), content.begin(), content.end());
}

bool add_extension(X509* certificate, const crypto::Ed25519Key& identity) {
  constexpr std::uint8_t kOctetString = 0x04;
  constexpr std::uint8_t kSequence = 0x30;
  Bytes content;
  put_der(content, kOctetString, public_key_protobuf(identity));
  put_der(content, kOctetString, identity.sign(signed_text(certificate)));
  Bytes der;
  put_der(der, kSequence, content);
  const Owned<ASN1_OCTET_STRING> value(ASN1_OCTET_STRING_new());
  const auto oid = extension_oid();
  if (!value || !oid ||
      ASN1_OCTET_STRING_set(value.get(), der.data(), static_cast<int>(der.size())) != 1) {
    return false;
  }
  const Owned<X509_EXTENSION> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 0, value.get()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool fill(X509* certificate, EVP_PKEY* key, const crypto::Ed25519Key& identity) {
  constexpr long kVersion3 = 2;
  std::array<std::uint8_t, kSerialBytes> serial{};
  system_random().fill(serial);
  std::uint64_t number = 0;
  for (const std::uint8_t byte : serial) number = (number << 8U) | byte;
  return X509_set_version(certificate, kVersion3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number >> 1U) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -kBackdatedSeconds) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), kValidSeconds) != nullptr &&
         X509_set_pubkey(certificate, key) == 1 && add_extension(certificate, identity) &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

// Extensions that demand to be understood, and are not.
bool has_unknown_critical(X509* certificate, const ASN1_OBJECT* ours) {
  for (int i = 0; i < X509_get_ext_count(certificate); ++i) {
    X509_EXTENSION* const extension = X509_get_ext(certificate, i);
    const bool critical = X509_EXTENSION_get_critical(extension) == 1;
    if (critical && OBJ_cmp(X509_EXTENSION_get_object(extension), ours) != 0 &&
        X509_supported_extension(extension) != 1) {
      return true;
    }
  }
  return false;
}

ByteView octets(const ASN1_TYPE* value) {
  if (value == nullptr || value->type != V_ASN1_OCTET_STRING) return {};
  const ASN1_OCTET_STRING* const text = value->value.octet_string;
  return {ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text))};
}

}  // namespace

Result<TlsCredentials> make_tls_credentials(const crypto::Ed25519Key& identity) {
  TlsCredentials made{TlsKey(EVP_EC_gen("P-256")), TlsCertificate(X509_new())};
  if (!made.key || !made.certificate || !fill(made.certificate.get(), made.key.get(), identity)) {
    ERR_clear_error();
    return fail(Errc::internal, "OpenSSL can't make a certificate for TLS.");
  }
  return made;
}

Result<ipld::PeerId> peer_of_certificate(X509* certificate) {
  if (certificate == nullptr) return refused("there is none");
  const auto oid = extension_oid();
  const int at = X509_get_ext_by_OBJ(certificate, oid.get(), -1);
  if (at < 0) return refused("it names no libp2p key");
  if (has_unknown_critical(certificate, oid.get())) {
    return refused("it demands what is not known here");
  }
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0 ||
      X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
    return refused("it is not valid now");
  }
  if (X509_verify(certificate, X509_get0_pubkey(certificate)) != 1) {
    return refused("its own signature is wrong");
  }
  const ASN1_OCTET_STRING* const value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
  const unsigned char* der = ASN1_STRING_get0_data(value);
  const unsigned char* const end = der + ASN1_STRING_length(value);
  const Owned<ASN1_SEQUENCE_ANY> parts(
      d2i_ASN1_SEQUENCE_ANY(nullptr, &der, ASN1_STRING_length(value)));
  if (!parts || der != end || sk_ASN1_TYPE_num(parts.get()) != 2) {
    return refused("its libp2p extension can't be read");
  }
  const ByteView key = octets(sk_ASN1_TYPE_value(parts.get(), 0));
  const ByteView signature = octets(sk_ASN1_TYPE_value(parts.get(), 1));
  ERR_clear_error();
  return verify_identity(key, signed_text(certificate), signature);
}

}  // namespace accel::libp2p
