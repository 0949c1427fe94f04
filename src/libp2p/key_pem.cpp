// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/key_pem.hpp"

#include <algorithm>
#include <array>

#include "accel/ipld/multibase.hpp"

namespace accel::libp2p {
namespace {

constexpr std::string_view kBegin = "-----BEGIN PRIVATE KEY-----";
constexpr std::string_view kEnd = "-----END PRIVATE KEY-----";
constexpr std::size_t kMaxPemBytes = 8192;  // An RSA key of 4096 bits has some 3200.
// SEQUENCE { version 0, { OID 1.3.101.112 }, OCTET STRING { OCTET STRING of 32 bytes } }
constexpr std::array<std::uint8_t, 16> kPrefix{0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                               0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

bool is_space(char character) {
  return character == '\n' || character == '\r' || character == ' ' || character == '\t';
}

}  // namespace

std::string write_pem_key(const crypto::Ed25519Key& key) {
  Bytes der(kPrefix.begin(), kPrefix.end());
  der.insert(der.end(), key.seed().view().begin(), key.seed().view().end());
  std::string pem =
      fmt::format("{}\n{}\n{}\n", kBegin, ipld::base_encode(ipld::Multibase::base64, der), kEnd);
  crypto::wipe(der);
  return pem;
}

Result<crypto::Ed25519Key> read_pem_key(std::string_view pem) {
  const std::size_t begin = pem.find(kBegin);
  const std::size_t end = pem.find(kEnd);
  if (pem.size() > kMaxPemBytes || begin == pem.npos || end == pem.npos || end < begin) {
    return fail(Errc::corrupt, "This is no private key in PEM (\"{}\").", kBegin);
  }
  std::string digits(pem.substr(begin + kBegin.size(), end - begin - kBegin.size()));
  std::erase_if(digits, is_space);
  while (digits.ends_with('=')) digits.pop_back();
  auto der = ipld::base_decode(ipld::Multibase::base64, digits);
  if (!der) return fail(Errc::corrupt, "The private key in PEM is not base64.");
  const bool fits = der->size() == kPrefix.size() + crypto::kEd25519SeedBytes &&
                    std::equal(kPrefix.begin(), kPrefix.end(), der->begin());
  if (!fits) return fail(Errc::unsupported, "The key in PEM is not Ed25519, which is used here.");
  const crypto::Secret32 seed(ByteView(*der).last<crypto::kEd25519SeedBytes>());
  crypto::wipe(*der);
  return crypto::Ed25519Key::from_seed(seed);
}

}  // namespace accel::libp2p
