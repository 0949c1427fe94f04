// SPDX-License-Identifier: Apache-2.0
// Vector: a key that Kubo 0.43.1 made (`key gen`), and the record that its `name publish` made with
// it (`routing get`).
#include <gtest/gtest.h>

#include "accel/core/random.hpp"
#include "accel/ipld/ipns_record.hpp"

namespace accel::ipld {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSeed = "a026b18ac2b9d21602ce0c8de10909e191c1b7c5605c56ffebadfc27e6e45c39";
constexpr const char* kName = "k51qzi5uqu5dhrtr5ksiopzb05oknyb6b1lcrzra791ltq7s2p9ogfjqzir8o9";
constexpr const char* kKuboRecord =
    "0a342f697066732f516d5a4c524657617a394b7970743241434e4d447a4135757a4143445269437177646b4e535031"
    "55"
    "5a737535364412404952ff5a6b76e9b4babfe4cadf04a8d0c2611342fa752d12982f3dd2f5ccbf5f0f617ed084fa03"
    "1d"
    "25fa0e625d9f621b48d0c3766a84d5d8a349470ab8af5e091800221e323132392d30372d32345432333a31333a3331"
    "2e"
    "3131303139383737325a280a3080a0f1c2b13442403a1d385130eacec60657a08bbf14e277de256925e66255dccaeb"
    "f2"
    "ad667cf5429718be83715e604132e255ee46177026f5a8505368c2ce8e6d87d67adb5a400d4a8b01a56354544c1b00"
    "00"
    "01a3185c50006556616c756558342f697066732f516d5a4c524657617a394b7970743241434e4d447a4135757a4143"
    "44"
    "5269437177646b4e535031555a73753536446853657175656e63650a6856616c6964697479581e323132392d30372d"
    "32"
    "345432333a31333a33312e3131303139383737325a6c56616c69646974795479706500";

crypto::Ed25519Key kubo_key() {
  const Bytes seed = from_hex(kSeed).value();
  return crypto::Ed25519Key::from_seed(
      crypto::Secret32(ByteView(seed).first<crypto::kEd25519SeedBytes>()));
}

IpnsRecord record_of(std::string value, std::uint64_t sequence = 1) {
  return {std::move(value), sequence, WallTime(1'800'000'000s), 5min};
}

TEST(IpnsRecordWriter, makes_the_bytes_that_kubo_makes) {
  const Bytes kubo = from_hex(kKuboRecord).value();
  const auto key = kubo_key();
  EXPECT_EQ(ipns_name_of(key).to_string(), kName);
  const auto record = read_ipns_record(ipns_name_of(key), kubo);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->sequence, 10U);
  EXPECT_EQ(record->ttl, 30min);
  EXPECT_EQ(to_hex(write_ipns_record(key, *record).value()), to_hex(kubo));
}

TEST(IpnsRecordWriter, makes_what_its_name_verifies_and_no_other) {
  const std::uint64_t seed = system_random().next_u64();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int i = 0; i < 50; ++i) {
    const auto key = crypto::Ed25519Key::generate(random);
    IpnsRecord record = record_of("/ipfs/" + random_hex(random, 16), random.next_u64());
    record.validity = WallTime(std::chrono::nanoseconds(random.next_u64() >> 2U));
    record.ttl = std::chrono::nanoseconds(random.next_u64() >> 2U);
    const Bytes bytes = write_ipns_record(key, record).value();
    const auto read = read_ipns_record(ipns_name_of(key), bytes);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, record);
    EXPECT_FALSE(read_ipns_record(ipns_name_of(kubo_key()), bytes));
  }
}

TEST(IpnsRecordWriter, refuses_what_no_name_can_lead_to) {
  const auto key = kubo_key();
  for (const char* value : {"", "hello", "ipfs/bafkqaaa", "/http/example.org"}) {
    const auto written = write_ipns_record(key, record_of(value));
    ASSERT_FALSE(written) << value;
    EXPECT_EQ(written.error().code, Errc::invalid_argument);
  }
  const auto large = write_ipns_record(key, record_of("/ipfs/" + std::string(9000, 'x')));
  EXPECT_EQ(large.error().code, Errc::resource_exhausted);
  IpnsRecord past = record_of("/ipfs/bafkqaaa");
  past.ttl = -1ns;
  EXPECT_FALSE(write_ipns_record(key, past));
}

}  // namespace
}  // namespace accel::ipld
