// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "accel/crypto/chacha20_poly1305.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/crypto/hkdf.hpp"
#include "accel/crypto/public_key.hpp"
#include "accel/crypto/x25519.hpp"

namespace accel::crypto {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

Secret32 secret(std::string_view text) {
  Secret32 made;
  std::ranges::copy(hex(text), made.writable().begin());
  return made;
}

// RFC 8032 section 7.1, TEST 2.
TEST(Ed25519, signs_as_the_rfc_does) {
  const auto key = Ed25519Key::from_seed(
      secret("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(to_hex(key.public_key()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const Bytes message{0x72};
  const auto signature = key.sign(message);
  EXPECT_EQ(to_hex(signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(verify_signature(KeyType::ed25519, key.public_key(), message, signature).value());
}

// RFC 7748 section 5.2, first vector; 6.1 for the public half.
TEST(X25519, agrees_as_the_rfc_does) {
  const auto key = X25519Key::from_private(
      secret("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
  const auto point = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  EXPECT_EQ(to_hex(key.agree(point).value().view()),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  const auto bob = X25519Key::from_private(
      secret("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  EXPECT_EQ(to_hex(bob.public_key()),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  EXPECT_EQ(to_hex(key.agree(bob.public_key()).value().view()),
            to_hex(bob.agree(key.public_key()).value().view()));
}

TEST(X25519, refuses_points_of_small_order_and_wrong_lengths) {
  SeededRandom random(7);
  const auto key = X25519Key::generate(random);
  EXPECT_FALSE(key.agree(Bytes(32, 0)));
  EXPECT_FALSE(key.agree(Bytes(31, 9)));
  Bytes one(32, 0);
  one[0] = 1;
  EXPECT_FALSE(key.agree(one));
}

// RFC 8439 section 2.8.2.
TEST(ChaCha20Poly1305, seals_as_the_rfc_does_and_opens_in_place) {
  const auto key = secret("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  ChaCha20Poly1305 cipher(key);
  ChaChaNonce nonce{};
  std::ranges::copy(hex("070000004041424344454647"), nonce.begin());
  const Bytes associated = hex("50515253c0c1c2c3c4c5c6c7");
  const std::string text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
      "future, sunscreen would be it.";
  Bytes sealed(text.size() + kPoly1305TagBytes);
  cipher.seal(nonce, associated, as_bytes(text), sealed.data());
  EXPECT_EQ(to_hex(ByteView(sealed).first(16)), "d31a8d34648e60db7b86afbc53ef7ec2");
  EXPECT_EQ(to_hex(ByteView(sealed).last(16)), "1ae10b594f09e26a7e902ecbd0600691");
  ASSERT_TRUE(cipher.open(nonce, associated, sealed, sealed.data()));
  EXPECT_EQ(as_text(ByteView(sealed).first(text.size())), text);
}

TEST(ChaCha20Poly1305, refuses_a_changed_byte_another_nonce_and_a_short_message) {
  SeededRandom random(8);
  Secret32 key;
  random.fill(key.writable());
  ChaCha20Poly1305 cipher(key);
  const Bytes plain(100, 0x41);
  Bytes sealed(116);
  cipher.seal({}, {}, plain, sealed.data());
  Bytes out(116);
  EXPECT_TRUE(cipher.open({}, {}, sealed, out.data()));
  EXPECT_FALSE(cipher.open({1}, {}, sealed, out.data()));
  EXPECT_FALSE(cipher.open({}, Bytes{1}, sealed, out.data()));
  EXPECT_FALSE(cipher.open({}, {}, ByteView(sealed).first(15), out.data()));
  sealed[50] ^= 1;
  EXPECT_FALSE(cipher.open({}, {}, sealed, out.data()));
}

// RFC 4231 section 4.3 and 4.7 (a key longer than a block).
TEST(Hmac, hashes_as_the_rfc_does) {
  EXPECT_EQ(to_hex(hmac_sha256(to_bytes("Jefe"), to_bytes("what do ya want for nothing?")).view()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(131, 0xaa),
                               to_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))
                       .view()),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// RFC 5869 appendix A.1.
TEST(Hkdf, derives_as_the_rfc_does) {
  Bytes out(42);
  hkdf_sha256(hex("000102030405060708090a0b0c"), Bytes(22, 0x0b), hex("f0f1f2f3f4f5f6f7f8f9"), out);
  EXPECT_EQ(to_hex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

}  // namespace
}  // namespace accel::crypto
