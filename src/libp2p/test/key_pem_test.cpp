// SPDX-License-Identifier: Apache-2.0
// Vector: one key, exported by Kubo 0.43.1 in both of its formats.
#include "accel/libp2p/key_pem.hpp"

#include <gtest/gtest.h>

#include "accel/libp2p/key_file.hpp"

namespace accel::libp2p {
namespace {

constexpr const char* kPem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIKAmsYrCudIWAs4MjeEJCeGRwbfFYFxW/+ut/Cfm5Fw5\n"
    "-----END PRIVATE KEY-----\n";
constexpr const char* kProtobuf =
    "08011240a026b18ac2b9d21602ce0c8de10909e191c1b7c5605c56ffebadfc27e6e45c39"
    "3fca7d2610470171c47665e720d62dfd982260a14655ab3cc6b253c599ba82a9";

TEST(KeyPem, and_protobuf_are_the_same_key_as_kubo_exports_it) {
  const auto key = read_pem_key(kPem);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(to_hex(encode_private_key(*key)), kProtobuf);
  EXPECT_EQ(write_pem_key(*decode_private_key(from_hex(kProtobuf).value())), kPem);
}

TEST(KeyPem, may_have_other_line_ends_and_text_around_it) {
  std::string text = "Bag Attributes\n" + std::string(kPem) + "more";
  for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += 2) {
    text.replace(at, 1, "\r\n");
  }
  EXPECT_TRUE(read_pem_key(text));
}

TEST(KeyPem, refuses_what_is_no_key_of_ours) {
  EXPECT_EQ(read_pem_key("").error().code, Errc::corrupt);
  EXPECT_EQ(read_pem_key("-----END PRIVATE KEY----------BEGIN PRIVATE KEY-----").error().code,
            Errc::corrupt);
  EXPECT_EQ(read_pem_key(std::string(9000, '-')).error().code, Errc::corrupt);
  EXPECT_EQ(
      read_pem_key("-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----").error().code,
      Errc::corrupt);
  EXPECT_EQ(
      read_pem_key("-----BEGIN PRIVATE KEY-----\nMC4CAQA=\n-----END PRIVATE KEY-----").error().code,
      Errc::unsupported);
}

}  // namespace
}  // namespace accel::libp2p
