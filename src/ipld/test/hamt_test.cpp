// SPDX-License-Identifier: Apache-2.0
// Reading sharded directories. Vectors: the sharded directory of gateway-conformance
// (test/data/ipld/car/hamt-single-layer.car, made by Kubo); hashes of npm @multiformats/murmur3.
#include "accel/ipld/hamt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "accel/core/file.hpp"
#include "accel/ipld/car.hpp"
#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/node_view.hpp"

namespace accel::ipld {
namespace {

using ::testing::HasSubstr;

const Cid kChild = Cid::v1(Codec::raw, sha2_256(as_bytes("child")));

std::uint64_t hash_of(std::string_view name) { return murmur3_x64_64(as_bytes(name)); }

// Blocks in memory; get() counts what is asked for.
class Blocks {
 public:
  Cid add(Bytes block) {
    const Cid cid = Cid::v1(Codec::dag_pb, sha2_256(block));
    blocks_.insert_or_assign(cid, std::move(block));
    return cid;
  }
  // A shard with these links and bits; tests bend single fields of it.
  Cid add_shard(const std::vector<PbLink>& links, Bytes bits, std::uint64_t fanout = 256,
                std::uint64_t hash = kHamtHash) {
    PbNode node{links, encode_unixfs({.type = NodeType::hamt_shard,
                                      .data = std::move(bits),
                                      .hash_type = hash,
                                      .fanout = fanout})};
    return add(encode_pb(node));
  }
  void load_car(const std::string& name) {
    const auto bytes = read_file(std::string(ACCEL_TEST_DATA) + "/ipld/car/" + name, 1U << 20U);
    if (!bytes) throw std::runtime_error(bytes.error().message + " Run from the project's root.");
    CarReader reader;
    reader.feed(*bytes);
    reader.finish();
    for (auto block = reader.next().value(); block; block = reader.next().value()) {
      blocks_.insert_or_assign(block->cid, to_bytes(block->data));
    }
    root = reader.header().value().value().roots.front();
  }
  BlockGetter getter() {
    return [this](const Cid& cid) -> Result<Bytes> {
      asked.push_back(cid);
      const auto found = blocks_.find(cid);
      if (found == blocks_.end()) return fail(Errc::not_found, "No block {}.", cid);
      return found->second;
    };
  }
  const Bytes& at(const Cid& cid) const { return blocks_.at(cid); }

  Cid root;
  std::vector<Cid> asked;

 private:
  std::map<Cid, Bytes> blocks_;
};

// The only bit of a slot, as a field without leading zeros.
Bytes bit_of(std::uint32_t slot) {
  Bytes field(slot / 8 + 1, 0);
  field.front() = static_cast<std::uint8_t>(1U << (slot % 8));
  return field;
}

Result<std::vector<DirectoryEntry>> list(Blocks& blocks, const Cid& root) {
  std::vector<DirectoryEntry> entries;
  const auto keep = [&](const DirectoryEntry& entry) -> Status {
    entries.push_back(entry);
    return {};
  };
  ACCEL_CHECK(walk_hamt(root, blocks.getter(), {.on_entry = keep}));
  return entries;
}

Error error_of(Blocks& blocks, const Cid& root) {
  const auto listed = list(blocks, root);
  return listed ? Error{Errc::internal, "It was read.", ""} : listed.error();
}

TEST(Murmur3, equals_the_published_hashes) {
  EXPECT_EQ(hash_of("470.txt"), 0x006e88df5847e67cU);
  EXPECT_EQ(hash_of(""), 0U);
  // From the reference's 128-bit results, first halves.
  EXPECT_EQ(hash_of("hello"), 0xcbd8a7b341bd9b02U);
  EXPECT_EQ(hash_of("hello, world"), 0x342fac623a5ebc8eU);
  EXPECT_EQ(hash_of("19 Jan 2038 at 3:14:07 AM"), 0xb89e5988b737affcU);
  EXPECT_EQ(hash_of("The quick brown fox jumps over the lazy dog."), 0xcd99481f9ee902c9U);
}

TEST(Hamt, takes_bits_of_the_hash_from_its_most_significant_end) {
  const std::uint64_t hash = hash_of("470.txt");
  EXPECT_EQ(hamt_slot(hash, 256, 0), 0x00U);
  EXPECT_EQ(hamt_slot(hash, 256, 1), 0x6eU);
  EXPECT_EQ(hamt_slot(hash, 256, 7), 0x7cU);
  EXPECT_EQ(hamt_slot(hash, 256, 8), std::nullopt);
  EXPECT_EQ(hamt_slot(hash, 16, 2), 0x6U);
  EXPECT_EQ(hamt_slot(hash, 1024, 0), 0x001U);
  EXPECT_EQ(hamt_slot(hash, 1024, 5), (hash >> 4U) & 0x3ffU);
  EXPECT_EQ(hamt_slot(hash, 1024, 6), std::nullopt);
}

TEST(Hamt, lists_the_sharded_directory_of_gateway_conformance) {
  Blocks blocks;
  blocks.load_car("hamt-single-layer.car");
  const auto entries = list(blocks, blocks.root);
  ASSERT_TRUE(entries) << entries.error().message;
  std::set<std::string> names;
  for (const DirectoryEntry& entry : *entries) names.insert(entry.name);
  EXPECT_EQ(names.size(), entries->size());
  EXPECT_EQ(names.size(), 1000U);
  for (int i = 1; i <= 1000; ++i) EXPECT_TRUE(names.contains(fmt::format("{}.txt", i))) << i;
}

TEST(Hamt, finds_every_name_over_its_own_shards_only) {
  Blocks blocks;
  blocks.load_car("hamt-single-layer.car");
  std::size_t deep = 0;
  const std::vector<DirectoryEntry> entries = list(blocks, blocks.root).value();
  for (const DirectoryEntry& entry : entries) {
    blocks.asked.clear();
    const auto found = find_in_hamt(blocks.root, entry.name, blocks.getter());
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_TRUE(found->entry) << entry.name;
    EXPECT_EQ(found->entry->cid, entry.cid);
    EXPECT_EQ(found->passed, blocks.asked);
    EXPECT_EQ(found->passed.front(), blocks.root);
    deep = std::max(deep, found->passed.size());
  }
  EXPECT_GE(deep, 2U);
  EXPECT_LE(deep, 3U);
  const auto none = find_in_hamt(blocks.root, "no such name", blocks.getter());
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->entry);
}

TEST(Hamt, tells_every_shard_once_and_the_root_first) {
  Blocks blocks;
  blocks.load_car("hamt-single-layer.car");
  std::vector<Cid> shards;
  const auto keep = [&](const Cid& cid, ByteView block) -> Status {
    shards.push_back(cid);
    return verify_block(cid, block);
  };
  ASSERT_TRUE(walk_hamt(blocks.root, blocks.getter(), {.on_shard = keep}));
  EXPECT_EQ(shards, blocks.asked);
  EXPECT_EQ(shards.front(), blocks.root);
  EXPECT_EQ(std::set<Cid>(shards.begin(), shards.end()).size(), shards.size());
}

TEST(Hamt, stops_at_the_limit_of_entries_and_where_the_visitor_says) {
  Blocks blocks;
  blocks.load_car("hamt-single-layer.car");
  const Status limited = walk_hamt(blocks.root, blocks.getter(), {.max_entries = 999});
  ASSERT_FALSE(limited);
  EXPECT_EQ(limited.error().code, Errc::resource_exhausted);
  EXPECT_TRUE(walk_hamt(blocks.root, blocks.getter(), {.max_entries = 1000}));
  const auto refuse = [](const DirectoryEntry&) -> Status {
    return fail(Errc::cancelled, "Enough.");
  };
  blocks.asked.clear();
  EXPECT_EQ(walk_hamt(blocks.root, blocks.getter(), {.on_entry = refuse}).error().code,
            Errc::cancelled);
  EXPECT_LE(blocks.asked.size(), 3U);
}

TEST(Hamt, a_missing_shard_is_the_getters_error) {
  Blocks blocks;
  const Cid gone = Cid::v1(Codec::dag_pb, sha2_256(as_bytes("gone")));
  const Cid root = blocks.add_shard({{gone, "00", 5}}, bit_of(0));
  EXPECT_EQ(error_of(blocks, root).code, Errc::not_found);
  EXPECT_EQ(find_in_hamt(root, "470.txt", blocks.getter()).error().code, Errc::not_found);
}

TEST(Hamt, an_empty_root_is_an_empty_directory) {
  Blocks blocks;
  EXPECT_TRUE(list(blocks, blocks.add_shard({}, {})).value().empty());
}

TEST(Hamt, reads_other_fan_outs_with_prefixes_of_their_own_width) {
  for (const std::uint32_t fanout : {8U, 16U, 32U, 512U, 1024U}) {
    Blocks blocks;
    const std::uint32_t slot = *hamt_slot(hash_of("a"), fanout, 0);
    const std::string name = fanout <= 16 ? fmt::format("{:X}a", slot)
                                          : fmt::format("{:0{}X}a", slot, fanout <= 256 ? 2 : 3);
    const Cid root = blocks.add_shard({{kChild, name, 5}}, bit_of(slot), fanout);
    const auto entries = list(blocks, root);
    ASSERT_TRUE(entries) << entries.error().message;
    EXPECT_EQ(entries->front().name, "a");
    EXPECT_TRUE(find_in_hamt(root, "a", blocks.getter()).value().entry);
  }
}

TEST(Hamt, takes_a_bit_field_with_leading_zeros) {
  Blocks blocks;
  const std::uint32_t slot = *hamt_slot(hash_of("a"), 256, 0);
  Bytes field = bit_of(slot);
  field.insert(field.begin(), 32 - field.size(), 0);
  EXPECT_TRUE(list(blocks, blocks.add_shard({{kChild, fmt::format("{:02X}a", slot), 5}}, field)));
  field.insert(field.begin(), 0);
  EXPECT_THAT(error_of(blocks, blocks.add_shard({{kChild, fmt::format("{:02X}a", slot), 5}}, field))
                  .message,
              HasSubstr("longer than its fan-out"));
}

TEST(Hamt, refuses_fan_outs_that_nobody_can_mean) {
  for (const std::uint64_t fanout :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4}, std::uint64_t{100},
        std::uint64_t{257}, std::uint64_t{2048}, std::uint64_t{1} << 30U, UINT64_MAX}) {
    Blocks blocks;
    const Error error = error_of(blocks, blocks.add_shard({}, {}, fanout));
    EXPECT_EQ(error.code, Errc::corrupt) << fanout;
    EXPECT_THAT(error.message, HasSubstr("fan-out"));
  }
}

TEST(Hamt, refuses_other_hash_functions) {
  Blocks blocks;
  EXPECT_THAT(error_of(blocks, blocks.add_shard({}, {}, 256, 0x12)).message, HasSubstr("murmur3"));
}

TEST(Hamt, refuses_links_that_disagree_with_the_bit_field) {
  Blocks blocks;
  const std::vector<PbLink> one{{kChild, "00470.txt", 5}};
  EXPECT_EQ(error_of(blocks, blocks.add_shard(one, bit_of(1))).code, Errc::corrupt);
  EXPECT_EQ(error_of(blocks, blocks.add_shard(one, {})).code, Errc::corrupt);
  EXPECT_EQ(error_of(blocks, blocks.add_shard(one, Bytes{3})).code, Errc::corrupt);
  EXPECT_EQ(error_of(blocks, blocks.add_shard({}, bit_of(0))).code, Errc::corrupt);
  EXPECT_TRUE(list(blocks, blocks.add_shard(one, bit_of(0))));
}

TEST(Hamt, refuses_links_without_a_whole_prefix) {
  Blocks blocks;
  const std::vector<PbLink> links[] = {
      {{kChild, "", 5}}, {{kChild, "0", 5}}, {{kChild, "aaname", 5}}, {{kChild, "470.txt", 5}}};
  for (const auto& link : links) {
    EXPECT_EQ(error_of(blocks, blocks.add_shard(link, bit_of(0xaa))).code, Errc::corrupt);
  }
}

TEST(Hamt, refuses_names_that_could_lead_out_of_the_folder) {
  for (const std::string& name :
       {std::string(".."), std::string("."), std::string("../x"), std::string("a/b"),
        std::string("a\0b", 3), std::string(kMaxNameBytes + 1, 'x')}) {
    Blocks blocks;
    const std::uint32_t slot = *hamt_slot(hash_of(name), 256, 0);
    const Cid root =
        blocks.add_shard({{kChild, fmt::format("{:02X}", slot) + name, 5}}, bit_of(slot));
    EXPECT_EQ(error_of(blocks, root).code, Errc::corrupt) << name;
  }
}

TEST(Hamt, refuses_a_name_in_a_slot_that_is_not_its_own) {
  Blocks blocks;
  const Error error = error_of(blocks, blocks.add_shard({{kChild, "01470.txt", 5}}, bit_of(1)));
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_THAT(error.message, HasSubstr("elsewhere"));
}

TEST(Hamt, refuses_a_sub_shard_that_is_no_shard) {
  Blocks blocks;
  EXPECT_EQ(error_of(blocks, blocks.add_shard({{kChild, "00", 5}}, bit_of(0))).code, Errc::corrupt);
  const Cid folder = blocks.add(encode_pb({{}, encode_unixfs({.type = NodeType::directory})}));
  EXPECT_EQ(error_of(blocks, blocks.add_shard({{folder, "00", 5}}, bit_of(0))).code, Errc::corrupt);
}

TEST(Hamt, refuses_shards_of_mixed_fan_out_and_empty_ones_below_the_root) {
  Blocks blocks;
  const Cid other = blocks.add_shard({{kChild, "0470.txt", 5}}, bit_of(0), 16);
  EXPECT_THAT(error_of(blocks, blocks.add_shard({{other, "00", 5}}, bit_of(0))).message,
              HasSubstr("fan-out"));
  const Cid empty = blocks.add_shard({}, {});
  EXPECT_THAT(error_of(blocks, blocks.add_shard({{empty, "00", 5}}, bit_of(0))).message,
              HasSubstr("empty"));
}

// A getter that verifies nothing could give a cycle; a hostile maker can give a chain.
TEST(Hamt, an_endless_chain_of_shards_ends_where_the_hash_does) {
  PbNode node{
      {{kChild, "00", 5}},
      encode_unixfs(
          {.type = NodeType::hamt_shard, .data = Bytes{1}, .hash_type = kHamtHash, .fanout = 256})};
  node.links[0].cid = Cid::v1(Codec::dag_pb, sha2_256({}));
  const Bytes block = encode_pb(node);
  std::size_t asked = 0;
  const BlockGetter get = [&](const Cid&) -> Result<Bytes> {
    ++asked;
    return block;
  };
  const Status walked = walk_hamt(node.links[0].cid, get, {});
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().code, Errc::corrupt);
  EXPECT_EQ(asked, 9U);
  // A name whose hash is zero keeps to slot 0 at every level.
  asked = 0;
  EXPECT_EQ(find_in_hamt(node.links[0].cid, "", get).error().code, Errc::corrupt);
  EXPECT_EQ(asked, 9U);
}

// 256 links to one shard, eight levels deep, would be 2^64 shards.
TEST(Hamt, a_shard_that_is_linked_over_and_over_is_refused_at_its_second_place) {
  Blocks blocks;
  Cid below = blocks.add_shard({{kChild, "00470.txt", 5}}, bit_of(0));
  for (int level = 0; level < 7; ++level) {
    std::vector<PbLink> links;
    for (std::uint32_t slot = 0; slot < 256; ++slot) {
      links.push_back({below, fmt::format("{:02X}", slot), 5});
    }
    below = blocks.add_shard(links, Bytes(32, 0xff));
  }
  EXPECT_EQ(error_of(blocks, below).code, Errc::corrupt);
  EXPECT_LE(blocks.asked.size(), 10U);
}

TEST(Hamt, decode_gives_mode_and_time_where_the_shard_has_them) {
  Blocks blocks;
  const Cid cid = blocks.add(encode_pb({{},
                                        encode_unixfs({.type = NodeType::hamt_shard,
                                                       .hash_type = kHamtHash,
                                                       .fanout = 256,
                                                       .mode = 0755,
                                                       .mtime = UnixFsTime{7, 8}})}));
  const HamtShard shard = decode_hamt_shard(cid, blocks.at(cid)).value();
  EXPECT_EQ(shard.meta.mode, 0755U);
  EXPECT_EQ(shard.meta.mtime, (UnixFsTime{7, 8}));
  EXPECT_FALSE(decode_hamt_shard(kChild, blocks.at(cid)));
}

}  // namespace
}  // namespace accel::ipld
