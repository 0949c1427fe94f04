// SPDX-License-Identifier: Apache-2.0
// Vectors: FIPS 180-4 examples as published by NIST ("SHA256.pdf", "SHA512.pdf", and the million
// letters 'a' of the same collection).
#include <gtest/gtest.h>

#include <string>

#include "accel/core/random.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/crypto/sha512.hpp"

namespace accel::crypto {
namespace {

constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

std::string hex256(std::string_view text) { return to_hex(sha256(as_bytes(text))); }
std::string hex512(std::string_view text) { return to_hex(sha512(as_bytes(text))); }

TEST(Sha256, equals_the_examples_of_nist) {
  EXPECT_EQ(hex256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex256(kTwoBlocks), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha512, equals_the_examples_of_nist) {
  EXPECT_EQ(hex512(""),
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
  EXPECT_EQ(hex512("abc"),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Sha256, hashes_pieces_as_it_hashes_the_whole) {
  constexpr std::uint64_t kSeed = 20260101;
  SCOPED_TRACE(kSeed);
  SeededRandom random(kSeed);
  for (int round = 0; round < 200; ++round) {
    Bytes bytes(random.below(1000));
    random.fill(bytes);
    Sha256 streaming;
    for (ByteView rest = bytes; !rest.empty();) {
      const std::size_t piece = random.below(rest.size()) + 1;
      streaming.update(rest.first(piece));
      rest = rest.subspan(piece);
    }
    ASSERT_EQ(streaming.finish(), sha256(bytes)) << "round " << round;
  }
}

TEST(Sha256, starts_again_after_finish) {
  Sha256 streaming;
  streaming.update(as_bytes("something else"));
  streaming.finish();
  streaming.update(as_bytes("abc"));
  EXPECT_EQ(streaming.finish(), sha256(as_bytes("abc")));
}

TEST(Sha256, moves_with_what_it_has_taken_in) {
  Sha256 first;
  first.update(as_bytes("ab"));
  Sha256 second = std::move(first);
  second.update(as_bytes("c"));
  EXPECT_EQ(second.finish(), sha256(as_bytes("abc")));
}

TEST(Sha512, hashes_pieces_as_it_hashes_the_whole) {
  Sha512 streaming;
  streaming.update(as_bytes("ab"));
  streaming.update({});
  streaming.update(as_bytes("c"));
  EXPECT_EQ(streaming.finish(), sha512(as_bytes("abc")));
  EXPECT_EQ(streaming.finish(), sha512({}));
}

}  // namespace
}  // namespace accel::crypto
