// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/key_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "accel/core/file.hpp"

namespace accel::libp2p {
namespace {

namespace fs = std::filesystem;

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string pattern = testing::TempDir() + "key-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~KeyFile() override { fs::remove_all(folder_); }
  fs::path file() const { return folder_ / "swarm.key"; }
  fs::path folder_;
};

TEST_F(KeyFile, is_made_once_and_only_for_its_owner) {
  const auto made = load_or_make_key(file(), system_random()).value();
  const auto again = load_or_make_key(file(), system_random()).value();
  EXPECT_EQ(made.public_key(), again.public_key());
  struct stat found{};
  ASSERT_EQ(::stat(file().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

TEST_F(KeyFile, is_refused_when_others_may_read_it) {
  ASSERT_TRUE(load_or_make_key(file(), system_random()));
  ASSERT_EQ(::chmod(file().c_str(), 0644), 0);
  EXPECT_EQ(load_or_make_key(file(), system_random()).error().code, Errc::permission_denied);
}

TEST_F(KeyFile, is_never_replaced_when_it_cannot_be_read) {
  ASSERT_TRUE(write_file_atomic(file(), to_bytes("hello")));
  EXPECT_FALSE(load_or_make_key(file(), system_random()));
  EXPECT_EQ(read_text_file(file(), 100).value(), "hello");
}

// libp2p/specs peer-ids/peer-ids.md, "Test vectors": the Ed25519 key.
TEST(PrivateKey, is_read_and_written_as_the_spec_does) {
  const Bytes protobuf =
      from_hex(
          "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"
          "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e")
          .value();
  const auto key = decode_private_key(protobuf).value();
  EXPECT_EQ(encode_private_key(key), protobuf);
  EXPECT_EQ(to_hex(key.public_key()),
            "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e");
}

TEST(PrivateKey, refuses_what_is_none) {
  SeededRandom random(1);
  const Bytes good = encode_private_key(crypto::Ed25519Key::generate(random));
  Bytes other_half = good;
  other_half.back() ^= 1;
  EXPECT_FALSE(decode_private_key(other_half));
  EXPECT_FALSE(decode_private_key(ByteView(good).first(40)));
  EXPECT_FALSE(decode_private_key({}));
  Bytes rsa = good;
  rsa[1] = 0;
  EXPECT_EQ(decode_private_key(rsa).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace accel::libp2p
