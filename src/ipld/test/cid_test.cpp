// SPDX-License-Identifier: Apache-2.0
// Vectors: the example of multiformats/cid (README.md, "Human Readable CIDs"); the CID of the
// empty directory under both versions, which every IPFS node knows; the probe CID of the trustless
// gateway spec.
#include "accel/ipld/cid.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

#include "accel/ipld/multibase.hpp"
#include "property_support.hpp"

namespace accel::ipld {
namespace {

constexpr std::string_view kEmptyDirectoryV0 = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn";
constexpr std::string_view kEmptyDirectoryV1 =
    "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";
constexpr std::string_view kEmptyRaw =
    "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

Cid parsed(std::string_view text) { return Cid::parse(text).value(); }
Errc error_of(std::string_view text) { return Cid::parse(text).error().code; }
Errc error_of_hex(std::string_view hex) {
  return Cid::from_bytes(from_hex(hex).value()).error().code;
}

TEST(Cid, reads_the_example_of_the_spec) {
  const Cid cid = parsed("zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA");
  EXPECT_EQ(cid.version(), 1);
  EXPECT_EQ(cid.codec(), Codec::raw);
  EXPECT_EQ(cid.hash().code(), HashCode::sha2_256);
  EXPECT_EQ(to_hex(cid.hash().digest()),
            "6e6ff7950a36187a801613426e858dce686cd7d7e3c0fc42ee0330072d245c95");
}

TEST(Cid, version_zero_is_bare_base58_and_34_bytes) {
  const Cid cid = parsed(kEmptyDirectoryV0);
  EXPECT_EQ(cid.version(), 0);
  EXPECT_EQ(cid.codec(), Codec::dag_pb);
  EXPECT_EQ(cid.to_string(), kEmptyDirectoryV0);
  EXPECT_EQ(cid.size_bytes(), 34U);
  EXPECT_EQ(cid.bytes(), cid.hash().bytes());
}

TEST(Cid, one_block_has_a_name_in_each_version) {
  EXPECT_EQ(parsed(kEmptyDirectoryV0).as_v1().to_string(), kEmptyDirectoryV1);
  EXPECT_NE(parsed(kEmptyDirectoryV0), parsed(kEmptyDirectoryV1));
  EXPECT_EQ(parsed(kEmptyDirectoryV0).hash(), parsed(kEmptyDirectoryV1).hash());
}

TEST(Cid, the_default_is_the_probe_of_the_gateway_spec) {
  EXPECT_EQ(Cid{}.to_string(), "bafkqaaa");
  EXPECT_TRUE(Cid{}.is_identity());
  EXPECT_TRUE(verify_block(Cid{}, {}));
  EXPECT_FALSE(parsed(kEmptyRaw).is_identity());
}

TEST(Cid, reads_every_base_and_writes_base32) {
  const Cid cid = parsed(kEmptyRaw);
  for (const Multibase base : {Multibase::base16, Multibase::base36, Multibase::base58btc,
                               Multibase::base64url, Multibase::base32_upper}) {
    EXPECT_EQ(parsed(multibase_encode(base, cid.bytes())), cid);
  }
  EXPECT_EQ(cid.to_string(), kEmptyRaw);
  EXPECT_EQ(fmt::format("{}", cid), kEmptyRaw);
}

TEST(Cid, v0_of_another_hash_becomes_v1) {
  const Multihash sha512 = Multihash::wrap(HashCode::sha2_512, Bytes(64, 7)).value();
  EXPECT_EQ(Cid::v0(sha512).version(), 1);
  EXPECT_EQ(Cid::v0(sha512).codec(), Codec::dag_pb);
  const Multihash cut = Multihash::wrap(HashCode::sha2_256, Bytes(20, 7)).value();
  EXPECT_EQ(Cid::v0(cut).version(), 1);
}

TEST(Cid, refuses_texts_that_are_none) {
  EXPECT_EQ(error_of(""), Errc::invalid_argument);
  EXPECT_EQ(error_of("b"), Errc::invalid_argument);
  EXPECT_EQ(error_of("hello world"), Errc::invalid_argument);
  EXPECT_EQ(error_of("/ipfs/" + std::string(kEmptyRaw)), Errc::invalid_argument);
  EXPECT_EQ(error_of(" " + std::string(kEmptyRaw)), Errc::invalid_argument);
  EXPECT_EQ(error_of(std::string(kEmptyRaw) + "\n"), Errc::invalid_argument);
  EXPECT_EQ(error_of(kEmptyRaw.substr(0, 40)), Errc::invalid_argument);
  EXPECT_EQ(error_of(std::string(kEmptyDirectoryV0).replace(10, 1, "0")), Errc::invalid_argument);
  EXPECT_EQ(error_of(kEmptyDirectoryV0.substr(0, 45)), Errc::invalid_argument);
  EXPECT_EQ(error_of("b" + std::string(kMaxCidText, 'a')), Errc::invalid_argument);
}

TEST(Cid, refuses_version_zero_inside_a_multibase) {
  EXPECT_EQ(error_of("z" + std::string(kEmptyDirectoryV0)), Errc::invalid_argument);
  EXPECT_EQ(error_of(multibase_encode(Multibase::base32, parsed(kEmptyDirectoryV0).bytes())),
            Errc::invalid_argument);
}

TEST(Cid, refuses_versions_it_does_not_know) {
  const std::string rest = "551220" + std::string(64, '0');
  EXPECT_EQ(error_of_hex("00" + rest), Errc::invalid_argument);
  EXPECT_EQ(error_of_hex("02" + rest), Errc::invalid_argument);
  EXPECT_EQ(error_of_hex("03" + rest), Errc::invalid_argument);
  EXPECT_TRUE(Cid::from_bytes(from_hex("01" + rest).value()));
}

TEST(Cid, refuses_bytes_that_end_early_or_go_on) {
  const Bytes good = parsed(kEmptyRaw).bytes();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Cid::from_bytes(ByteView(good).first(size))) << size;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(Cid::from_bytes(longer).error().code, Errc::invalid_argument);
  Bytes v0 = parsed(kEmptyDirectoryV0).bytes();
  v0.push_back(0);
  EXPECT_FALSE(Cid::from_bytes(v0));
  v0.resize(20);
  EXPECT_FALSE(Cid::from_bytes(v0));
}

TEST(Cid, refuses_lengths_that_lie_and_varints_in_longer_forms) {
  const std::string digest(64, 'a');
  EXPECT_EQ(error_of_hex("01551221" + digest), Errc::invalid_argument);
  EXPECT_EQ(error_of_hex("015512ffffffffffffffff7f" + digest), Errc::invalid_argument);
  EXPECT_EQ(error_of_hex("8100551220" + digest), Errc::invalid_argument);
  EXPECT_EQ(error_of_hex("01d5001220" + digest), Errc::invalid_argument);
}

TEST(Cid, reads_one_from_the_front_of_a_car_section) {
  for (const std::string_view text : {kEmptyDirectoryV0, kEmptyDirectoryV1, kEmptyRaw}) {
    Bytes section = parsed(text).bytes();
    const std::size_t size = section.size();
    section.insert(section.end(), {0x0a, 0x02, 0x08, 0x01});
    const Cid::Prefix prefix = Cid::read_prefix(section).value();
    EXPECT_EQ(prefix.cid.to_string(), text);
    EXPECT_EQ(prefix.size, size);
  }
}

TEST(Cid, names_the_codecs_it_knows_and_numbers_the_rest) {
  EXPECT_EQ(codec_name(Codec::dag_pb), "dag-pb");
  EXPECT_EQ(codec_name(static_cast<Codec>(0x51)), "0x51");
}

TEST(VerifyBlock, tells_a_block_from_any_other_and_names_the_cid) {
  EXPECT_TRUE(verify_block(parsed(kEmptyRaw), {}));
  const Status wrong = verify_block(parsed(kEmptyRaw), as_bytes("x"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::corrupt);
  EXPECT_NE(wrong.error().message.find(kEmptyRaw), std::string::npos);
}

TEST(VerifyBlock, never_takes_a_block_whose_hash_it_cannot_compute) {
  const Cid cid = Cid::v1(Codec::raw, Multihash::wrap(HashCode{0x11}, Bytes(20, 1)).value());
  const Status status = verify_block(cid, as_bytes("x"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::unsupported);
  EXPECT_NE(status.error().message.find(cid.to_string()), std::string::npos);
}

TEST(Cid, is_ordered_and_hashed_by_all_its_parts) {
  const Multihash hash = sha2_256(as_bytes("x"));
  const std::unordered_set<Cid> set{Cid::v0(hash), Cid::v1(Codec::dag_pb, hash),
                                    Cid::v1(Codec::raw, hash), Cid::v1(Codec::raw, hash)};
  EXPECT_EQ(set.size(), 3U);
  EXPECT_TRUE(set.contains(Cid::v1(Codec::raw, sha2_256(as_bytes("x")))));
  EXPECT_LT(Cid::v0(hash), Cid::v1(Codec::raw, hash));
  EXPECT_LT(Cid::v1(Codec::raw, hash), Cid::v1(Codec::dag_pb, hash));
}

TEST(Cid, reads_back_everything_it_writes) {
  ACCEL_TRACE_SEED();
  testing::Generator any;
  for (int round = 0; round < 500; ++round) {
    const Cid cid = any.cid();
    ASSERT_EQ(Cid::parse(cid.to_string()).value(), cid);
    const Bytes bytes = cid.bytes();
    ASSERT_EQ(bytes.size(), cid.size_bytes());
    ASSERT_LE(bytes.size(), kMaxCidBytes);
    ASSERT_EQ(Cid::from_bytes(bytes).value(), cid);
    ASSERT_EQ(std::hash<Cid>{}(Cid::from_bytes(bytes).value()), std::hash<Cid>{}(cid));
  }
}

}  // namespace
}  // namespace accel::ipld
