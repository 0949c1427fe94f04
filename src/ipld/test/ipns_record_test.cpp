// SPDX-License-Identifier: Apache-2.0
// Vectors: records of the official gateway suite (test/data/gateway/README.md).
#include "accel/ipld/ipns_record.hpp"

#include <gtest/gtest.h>

#include "accel/core/file.hpp"
#include "accel/core/random.hpp"

namespace accel::ipld {
namespace {

constexpr const char* kV2 = "k51qzi5uqu5dit2ku9mutlfgwyz8u730on38kd10m97m36bjt66my99hb6103f";
constexpr const char* kV1V2 = "k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w";
constexpr const char* kRsa = "QmVujd5Vb7moysJj8itnGufN7MEtPRCNHkKpNuA4onsRa3";

Bytes bytes_of(const std::string& file) {
  auto bytes = read_file("test/data/gateway/ipns/" + file + ".ipns-record", kMaxIpnsRecordBytes);
  EXPECT_TRUE(bytes.has_value()) << bytes.error().message;
  return bytes ? *std::move(bytes) : Bytes{};
}

IpnsName name_of(std::string_view text) { return IpnsName::parse(text).value(); }

std::string why(std::string_view name, const std::string& file) {
  const auto read = read_ipns_record(name_of(name), bytes_of(file));
  if (read) return "read";
  EXPECT_EQ(read.error().code, Errc::corrupt);
  return read.error().message;
}

TEST(IpnsName, has_one_canonical_text_for_every_spelling) {
  const IpnsName name = name_of("12D3KooWRBy97UB99e3J6hiPesre1MZeuNQvfan4gBziswrRJsNK");
  EXPECT_EQ(name.to_string(), "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8");
  EXPECT_EQ(name_of(name.to_string()), name);
  EXPECT_EQ(name_of(name.cid().to_string()), name);
  EXPECT_EQ(name.inline_key().size(), 36U);
  const IpnsName rsa = name_of("QmcJM7PRfkSbcM5cf1QugM5R37TLRKyJGgBEhXjLTB8uA2");
  EXPECT_EQ(rsa.to_string(), "k2k4r8ol4m8kkcqz509c1rcjwunebj02gcnm5excpx842u736nja8ger");
  EXPECT_TRUE(rsa.inline_key().empty());
}

TEST(IpnsName, what_names_no_key_is_refused) {
  for (const char* text :
       {"", "1", "Qm", "example.org", "k51", "bafkqaaa", "12D3KooW",
        "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354", "..", "k51qzi5uqu5d/.."}) {
    const auto name = IpnsName::parse(text);
    ASSERT_FALSE(name.has_value()) << text;
    EXPECT_EQ(name.error().code, Errc::invalid_argument);
  }
}

TEST(IpnsRecord, reads_v2_and_v1_with_v2) {
  const auto v2 = read_ipns_record(name_of(kV2), bytes_of(std::string(kV2) + "_v2"));
  ASSERT_TRUE(v2.has_value()) << v2.error().message;
  EXPECT_TRUE(v2->value.starts_with("/ipfs/bafkqa")) << v2->value;
  EXPECT_EQ(v2->ttl, std::chrono::minutes(30));
  EXPECT_GT(v2->validity, system_clock().wall_now());
  EXPECT_TRUE(
      read_ipns_record(name_of(kV1V2), bytes_of(std::string(kV1V2) + "_v1-v2")).has_value());
}

TEST(IpnsRecord, of_an_rsa_key_brings_the_key_along) {
  EXPECT_EQ(why(kRsa, kRsa), "read");
  EXPECT_NE(why(kV2, kRsa).find("V2 signature does not fit"), std::string::npos);
  EXPECT_NE(
      why("QmcJM7PRfkSbcM5cf1QugM5R37TLRKyJGgBEhXjLTB8uA2", kRsa).find("public key is not the one"),
      std::string::npos);
}

TEST(IpnsRecord, v1_alone_or_v1_that_differs_is_refused) {
  constexpr const char* kV1 = "k51qzi5uqu5dm4tm0wt8srkg9h9suud4wuiwjimndrkydqm81cqtlb5ak6p7ku";
  constexpr const char* kMix = "k51qzi5uqu5dlmit2tuwdvnx4sbnyqgmvbxftl0eo3f33wwtb9gr7yozae9kpw";
  constexpr const char* kBad = "k51qzi5uqu5diamp7qnnvs1p1gzmku3eijkeijs3418j23j077zrkok63xdm8c";
  EXPECT_NE(why(kV1, std::string(kV1) + "_v1").find("no V2 signature"), std::string::npos);
  EXPECT_NE(why(kMix, std::string(kMix) + "_v1-v2-broken-v1-value").find("V1 fields"),
            std::string::npos);
  EXPECT_NE(why(kBad, std::string(kBad) + "_v1-v2-broken-signature-v2").find("does not fit"),
            std::string::npos);
}

TEST(IpnsRecord, no_flipped_bit_of_what_is_signed_gets_through) {
  const IpnsName name = name_of(kV2);
  const Bytes good = bytes_of(std::string(kV2) + "_v2");
  const auto read = read_ipns_record(name, good).value();
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    Bytes bad = good;
    bad[i / 8] = static_cast<std::uint8_t>(bad[i / 8] ^ (1U << (i % 8)));
    const auto other = read_ipns_record(name, bad);
    // A field whose number changed to one that nobody reads: what was signed still holds.
    if (other) {
      EXPECT_EQ(*other, read) << "bit " << i;
    }
  }
}

TEST(IpnsRecord, is_refused_when_it_is_cut_off_or_too_large) {
  const Bytes good = bytes_of(std::string(kV2) + "_v2");
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(read_ipns_record(name_of(kV2), ByteView(good).first(size)).has_value()) << size;
  }
  EXPECT_EQ(read_ipns_record(name_of(kV2), Bytes(kMaxIpnsRecordBytes + 1)).error().code,
            Errc::resource_exhausted);
}

TEST(IpnsRecord, holds_until_its_end_and_no_longer) {
  IpnsRecord record;
  record.validity = WallTime(std::chrono::seconds(1000));
  EXPECT_TRUE(check_validity(name_of(kV2), record, WallTime(std::chrono::seconds(1000))));
  const Status late = check_validity(name_of(kV2), record, WallTime(std::chrono::seconds(1001)));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Errc::unavailable);
  EXPECT_NE(late.error().message.find("1970-01-01T00:16:40"), std::string::npos);
}

TEST(IpnsRecord, the_higher_sequence_is_newer_then_the_longer_validity) {
  IpnsRecord old;
  old.sequence = 3;
  IpnsRecord next = old;
  EXPECT_FALSE(is_newer(next, old));
  next.validity += std::chrono::hours(1);
  EXPECT_TRUE(is_newer(next, old));
  next.sequence = 2;
  EXPECT_FALSE(is_newer(next, old));
}

}  // namespace
}  // namespace accel::ipld
