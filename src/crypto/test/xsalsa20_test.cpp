// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/xsalsa20.hpp"

#include <gtest/gtest.h>

#include "accel/core/random.hpp"

namespace accel::crypto {
namespace {

template <std::size_t Size>
std::array<std::uint8_t, Size> hex(std::string_view text) {
  std::array<std::uint8_t, Size> made{};
  std::ranges::copy(from_hex(text).value(), made.begin());
  return made;
}

const auto kKey =
    Secret32(hex<32>("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"));
const auto kNonce = hex<24>("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");

// The first key stream bytes of the vector in "Cryptography in NaCl", section 10.
TEST(XSalsa20, makes_the_stream_of_the_published_vector) {
  Bytes bytes(32, 0);
  XSalsa20(kKey, kNonce).apply(bytes);
  EXPECT_EQ(to_hex(bytes), "eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880");
}

TEST(XSalsa20, gives_the_same_bytes_however_they_are_cut) {
  Bytes whole(5000, 0x17);
  XSalsa20(kKey, kNonce).apply(whole);
  SeededRandom random(7);
  for (int round = 0; round < 20; ++round) {
    Bytes parts(5000, 0x17);
    XSalsa20 stream(kKey, kNonce);
    for (std::size_t at = 0; at < parts.size();) {
      const std::size_t part = std::min<std::size_t>(parts.size() - at, random.next_u64() % 200);
      stream.apply(std::span(parts).subspan(at, part));
      at += part;
    }
    EXPECT_EQ(parts, whole);
  }
}

TEST(XSalsa20, takes_back_what_it_did) {
  Bytes bytes(1000, 0x42);
  XSalsa20(kKey, kNonce).apply(bytes);
  EXPECT_NE(bytes, Bytes(1000, 0x42));
  XSalsa20(kKey, kNonce).apply(bytes);
  EXPECT_EQ(bytes, Bytes(1000, 0x42));
}

}  // namespace
}  // namespace accel::crypto
