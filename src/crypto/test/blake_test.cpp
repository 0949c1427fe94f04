// SPDX-License-Identifier: Apache-2.0
// Vectors: made by PyPI blake3 1.x and by Python's hashlib.blake2b(digest_size=32) over the bytes
// 0, 1, … 250, 0, 1, … (the input of BLAKE3's official test vectors).
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "accel/crypto/blake2b.hpp"
#include "accel/crypto/blake3.hpp"

namespace accel::crypto {
namespace {

struct Vector {
  std::size_t bytes;
  std::string_view digest;
};

const std::vector<Vector> kBlake3 = {
    {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
    {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
    {63, "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b"},
    {64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"},
    {65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee"},
    {1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"},
    {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
    {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
    {2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"},
    {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
    {3073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"},
    {4096, "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969"},
    {5121, "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff"},
    {31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
    {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"},
};

const std::vector<Vector> kBlake2b = {
    {0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"},
    {1, "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314"},
    {127, "f2fe67ff342e21b8f45e8f2e0bcd1d9243245d50ee6c78042e9c491388791c72"},
    {128, "c3582f71ebb2be66fa5dd750f80baae97554f3b015663c8be377cfcb2488c1d1"},
    {129, "f7f3c46ba2564ff4c4c162da1f5b605f9f1c4aa6a20652a9f9a337c1a2f5b9c9"},
    {255, "d9ef0fc521b4266d16df662bec231bc2ec3989e7adeaf63169c295dc239dbbea"},
    {256, "582f782226018ec33076bd8d1c42413530ac7e1126260ffc0f306ba3befc3f24"},
    {257, "227e15ed64ee8e93eb7bc53828f76eed974f2c4ab1408c3d08f212b7f8d69904"},
    {1000, "b372d0608f720c8c3dd41e9c8eecb10143b41abe520b616607e754bf79c08331"},
    {100000, "916cfaa800ee55811e82095babeb88ea29c9ef8a36e8d7e20c7b772c344c9e1c"},
};

Bytes counted(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i % 251);
  return bytes;
}

TEST(Blake2b, equals_hashlib) {
  for (const Vector& vector : kBlake2b) {
    EXPECT_EQ(to_hex(blake2b_256(counted(vector.bytes))), vector.digest) << vector.bytes;
  }
}

TEST(Blake3, equals_the_official_implementation) {
  for (const Vector& vector : kBlake3) {
    Bytes digest(kBlake3Bytes);
    blake3(counted(vector.bytes), digest);
    EXPECT_EQ(to_hex(digest), vector.digest) << vector.bytes;
  }
}

TEST(Blake3, gives_digests_of_any_length) {
  Bytes longest(131);
  blake3(counted(2049), longest);
  EXPECT_EQ(to_hex(ByteView(longest).last(32)),
            "5a4ecdadece9eb178d80f26efccae630734dff63340285adec2aed3b51073ad3");
  for (std::size_t length = 0; length < longest.size(); ++length) {
    Bytes digest(length);
    blake3(counted(2049), digest);
    EXPECT_EQ(to_hex(digest), to_hex(ByteView(longest).first(length)));
  }
}

}  // namespace
}  // namespace accel::crypto
