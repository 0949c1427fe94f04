// SPDX-License-Identifier: Apache-2.0
#include "tls.hpp"

#include <gtest/gtest.h>

#include "identity.hpp"
#include "tls_certificate.hpp"

namespace accel::libp2p {
namespace {

crypto::Ed25519Key key(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::Ed25519Key::generate(random);
}

TlsContext context(std::uint64_t seed) { return make_tls_context(key(seed)).value(); }

struct Pair {
  explicit Pair(std::optional<ipld::PeerId> expected = {})
      : left(make_tls_handshake({true, context(1), std::move(expected)}).value()),
        right(make_tls_handshake({false, context(2)}).value()) {}

  Status run() {
    ACCEL_CHECK(left->start(to_right));
    for (int i = 0; i < 6 && !(left->done() && right->done()); ++i) {
      ACCEL_CHECK(right->advance(to_right, to_left));
      ACCEL_CHECK(left->advance(to_left, to_right));
    }
    return {};
  }

  std::unique_ptr<SecureHandshake> left;
  std::unique_ptr<SecureHandshake> right;
  RawBuffer to_right;
  RawBuffer to_left;
};

TEST(TlsHandshake, tells_both_sides_who_the_other_is_and_agrees_on_the_muxer) {
  Pair pair;
  ASSERT_TRUE(pair.run());
  const SecureSession left = pair.left->take();
  const SecureSession right = pair.right->take();
  EXPECT_EQ(left.peer, peer_id_of(key(2)));
  EXPECT_EQ(right.peer, peer_id_of(key(1)));
  EXPECT_EQ(left.muxer, kYamuxProtocol);
  EXPECT_EQ(right.muxer, kYamuxProtocol);
}

TEST(TlsHandshake, refuses_another_peer_than_expected) {
  EXPECT_EQ(Pair(peer_id_of(key(9))).run().error().code, Errc::unauthenticated);
  EXPECT_TRUE(Pair(peer_id_of(key(2))).run());
}

TEST(TlsHandshake, carries_bytes_both_ways) {
  Pair pair;
  ASSERT_TRUE(pair.run());
  SecureSession left = pair.left->take();
  SecureSession right = pair.right->take();
  for (const std::size_t size : {1UL, 16'384UL, 300'000UL}) {
    const Bytes sent(size, static_cast<std::uint8_t>(size));
    RawBuffer wire;
    RawBuffer plain;
    ASSERT_TRUE(left.codec->seal(sent, wire));
    ASSERT_TRUE(right.codec->open(wire, plain));
    EXPECT_EQ(to_bytes(plain.view()), sent);
    ASSERT_TRUE(right.codec->seal(sent, wire));
    plain.clear();
    ASSERT_TRUE(left.codec->open(wire, plain));
    EXPECT_EQ(plain.size(), size);
  }
}

TEST(TlsCodec, refuses_a_changed_record) {
  Pair pair;
  ASSERT_TRUE(pair.run());
  SecureSession left = pair.left->take();
  SecureSession right = pair.right->take();
  RawBuffer wire;
  RawBuffer plain;
  ASSERT_TRUE(left.codec->seal(Bytes(100, 5), wire));
  wire.data()[40] ^= 1;
  EXPECT_EQ(right.codec->open(wire, plain).error().code, Errc::protocol);
}

TEST(TlsHandshake, fails_on_bytes_that_are_no_tls) {
  Pair pair;
  RawBuffer in;
  in.append(Bytes(200, 0x47));
  EXPECT_EQ(pair.right->advance(in, pair.to_left).error().code, Errc::protocol);
}

TEST(TlsCertificate, names_its_peer) {
  const auto made = make_tls_credentials(key(4)).value();
  EXPECT_EQ(peer_of_certificate(made.certificate.get()).value(), peer_id_of(key(4)));
}

TEST(TlsCertificate, refuses_none_and_one_that_was_signed_over_by_another_key) {
  EXPECT_FALSE(peer_of_certificate(nullptr));
  const auto made = make_tls_credentials(key(4)).value();
  const auto other = make_tls_credentials(key(5)).value();
  // The extension of one identity on a certificate with another key.
  ASSERT_EQ(X509_set_pubkey(made.certificate.get(), other.key.get()), 1);
  ASSERT_GT(X509_sign(made.certificate.get(), other.key.get(), EVP_sha256()), 0);
  EXPECT_EQ(peer_of_certificate(made.certificate.get()).error().code, Errc::unauthenticated);
}

TEST(TlsCertificate, refuses_one_without_the_extension_or_out_of_date) {
  const auto made = make_tls_credentials(key(4)).value();
  X509_gmtime_adj(X509_getm_notAfter(made.certificate.get()), -10);
  ASSERT_GT(X509_sign(made.certificate.get(), made.key.get(), EVP_sha256()), 0);
  EXPECT_FALSE(peer_of_certificate(made.certificate.get()));
  const auto bare = make_tls_credentials(key(4)).value();
  X509_EXTENSION_free(X509_delete_ext(bare.certificate.get(), 0));
  ASSERT_GT(X509_sign(bare.certificate.get(), bare.key.get(), EVP_sha256()), 0);
  EXPECT_FALSE(peer_of_certificate(bare.certificate.get()));
}

}  // namespace
}  // namespace accel::libp2p
