// SPDX-License-Identifier: Apache-2.0
// Vectors: multiformats/multihash, tests/values/test_cases.csv (its multihashes are those of the
// empty input).
#include "accel/ipld/multihash.hpp"

#include <gtest/gtest.h>

#include "accel/crypto/blake3.hpp"
#include "property_support.hpp"

namespace accel::ipld {
namespace {

constexpr std::string_view kEmpty256 =
    "1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kEmpty512 =
    "1340cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

Result<Multihash> parse_hex(std::string_view hex) {
  return Multihash::from_bytes(from_hex(hex).value());
}

Errc error_of(std::string_view hex) { return parse_hex(hex).error().code; }

TEST(Multihash, equals_the_vectors_of_the_spec) {
  EXPECT_EQ(to_hex(sha2_256({}).bytes()), kEmpty256);
  for (const std::string_view hex :
       {kEmpty256, kEmpty512, std::string_view("1214e3b0c44298fc1c149afbf4c8996fb92427ae41e4"),
        std::string_view("1314cf83e1357eefb8bdf1542850d66d8007d620e405"),
        std::string_view("1320cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce")}) {
    const auto hash = parse_hex(hex);
    ASSERT_TRUE(hash) << hex;
    EXPECT_EQ(to_hex(hash->bytes()), hex);
    EXPECT_TRUE(verify(*hash, {}).value()) << hex;
    EXPECT_FALSE(verify(*hash, as_bytes("x")).value()) << hex;
  }
}

TEST(Multihash, refuses_digests_cut_so_short_that_they_can_be_forged) {
  EXPECT_EQ(error_of("120ae3b0c44298fc1c149afb"), Errc::invalid_argument);  // Ten bytes.
  EXPECT_EQ(error_of("1200"), Errc::invalid_argument);
  EXPECT_EQ(error_of("1e0100"), Errc::invalid_argument);
}

TEST(Multihash, refuses_digests_that_are_too_long_for_their_function) {
  const Bytes digest(33, 0);
  EXPECT_EQ(Multihash::wrap(HashCode::sha2_256, digest).error().code, Errc::invalid_argument);
  EXPECT_EQ(Multihash::wrap(HashCode::blake2b_256, digest).error().code, Errc::invalid_argument);
  EXPECT_TRUE(Multihash::wrap(HashCode::blake3, digest));
  const Bytes inlined(kMaxDigestBytes + 1, 0);
  EXPECT_EQ(Multihash::wrap(HashCode::identity, inlined).error().code, Errc::invalid_argument);
  EXPECT_TRUE(Multihash::wrap(HashCode::identity, ByteView(inlined).first(kMaxDigestBytes)));
}

TEST(Multihash, refuses_a_length_that_lies) {
  EXPECT_EQ(error_of("1221e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            Errc::invalid_argument);
  EXPECT_EQ(error_of("121fe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            Errc::invalid_argument);
  EXPECT_EQ(error_of("12ffffffffffffffff7f00"), Errc::invalid_argument);
  EXPECT_EQ(error_of("1220"), Errc::invalid_argument);
  EXPECT_EQ(error_of("12"), Errc::invalid_argument);
  EXPECT_EQ(error_of(""), Errc::invalid_argument);
}

TEST(Multihash, refuses_varints_in_longer_forms) {
  EXPECT_EQ(error_of("9200" + std::string(kEmpty256.substr(2))), Errc::invalid_argument);
  EXPECT_EQ(error_of("008000"), Errc::invalid_argument);
}

TEST(Multihash, says_which_function_it_cannot_compute) {
  const Multihash sha1 = Multihash::wrap(HashCode{0x11}, Bytes(20, 1)).value();
  const auto verified = verify(sha1, as_bytes("x"));
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, Errc::unsupported);
  EXPECT_NE(verified.error().message.find("0x11"), std::string::npos);
}

TEST(Multihash, verifies_what_it_computes_and_what_was_cut_short) {
  for (const HashCode code : {HashCode::identity, HashCode::sha2_256, HashCode::sha2_512,
                              HashCode::blake2b_256, HashCode::blake3}) {
    SCOPED_TRACE(hash_name(code));
    const Multihash hash = hash_with(code, as_bytes("twenty bytes or more")).value();
    EXPECT_TRUE(*verify(hash, as_bytes("twenty bytes or more")));
    EXPECT_FALSE(*verify(hash, as_bytes("twenty bytes or less")));
    if (code == HashCode::identity) continue;
    const Multihash cut = Multihash::wrap(code, hash.digest().first(kMinDigestBytes)).value();
    EXPECT_TRUE(*verify(cut, as_bytes("twenty bytes or more")));
    EXPECT_FALSE(*verify(cut, as_bytes("twenty bytes or less")));
  }
}

TEST(Multihash, verifies_the_longer_digests_of_blake3) {
  Bytes digest(100);
  crypto::blake3(as_bytes("x"), digest);
  const Multihash hash = Multihash::wrap(HashCode::blake3, digest).value();
  EXPECT_TRUE(*verify(hash, as_bytes("x")));
  EXPECT_FALSE(*verify(hash, as_bytes("y")));
}

TEST(Multihash, identity_holds_its_data) {
  const Multihash hash = Multihash::wrap(HashCode::identity, as_bytes("hello")).value();
  EXPECT_EQ(to_hex(hash.bytes()), "000568656c6c6f");
  EXPECT_TRUE(verify(hash, as_bytes("hello")).value());
  EXPECT_FALSE(verify(hash, as_bytes("hello!")).value());
  EXPECT_EQ(Multihash{}.bytes(), (Bytes{0, 0}));
}

TEST(Multihash, long_digests_survive_copies_moves_and_the_end_of_the_original) {
  Multihash copy;
  {
    const Multihash original = parse_hex(kEmpty512).value();
    copy = original;
    EXPECT_EQ(copy, original);
  }
  const Multihash moved = std::move(copy);
  EXPECT_EQ(to_hex(moved.bytes()), kEmpty512);
}

TEST(Multihash, orders_by_function_and_then_by_digest) {
  const Multihash low = sha2_256_of({1});
  const Multihash high = sha2_256_of({2});
  EXPECT_LT(low, high);
  EXPECT_LT(Multihash{}, low);
  EXPECT_LT(high, parse_hex(kEmpty512).value());
  EXPECT_NE(low, high);
}

TEST(Multihash, reads_back_everything_it_writes) {
  ACCEL_TRACE_SEED();
  testing::Generator any;
  for (int round = 0; round < 500; ++round) {
    const auto code = static_cast<HashCode>(0x1000 + any.below(1U << 20U));
    const Bytes digest = any.bytes(kMinDigestBytes + any.below(kMaxDigestBytes - kMinDigestBytes));
    const Multihash hash = Multihash::wrap(code, digest).value();
    const Bytes bytes = hash.bytes();
    ASSERT_EQ(bytes.size(), hash.size_bytes());
    ASSERT_EQ(Multihash::from_bytes(bytes).value(), hash);
    ASSERT_FALSE(Multihash::from_bytes(ByteView(bytes).first(bytes.size() - 1)));
  }
}

}  // namespace
}  // namespace accel::ipld
