// SPDX-License-Identifier: Apache-2.0
#include "accel/blockstore/dag_selection.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/car.hpp"
#include "accel/ipld/dag_cbor.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore {
namespace {

using ipld::Codec;
using ipld::Value;

class DagSelectionTest : public testing::Test {
 protected:
  DagSelectionTest() {
    StoreOptions options;
    options.directory = dir_.path() / "store";
    store_ = Store::open(options).value();
  }

  ipld::Cid put_cbor(const Value& value) {
    const Bytes block = ipld::encode_dag_cbor(value).value();
    const auto cid = ipld::Cid::v1(Codec::dag_cbor, ipld::sha2_256(block));
    EXPECT_TRUE(store_->put(cid, block).has_value());
    return cid;
  }

  // A file of small leaves: `levels` of them, as wide as the profile allows.
  ipld::Cid add_file(std::size_t bytes, std::uint64_t seed, bool is_private = false) {
    test::write_bytes(dir_.path() / "in/f", test::random_bytes(seed, bytes));
    AddOptions options;
    options.profile.chunk_size = 256;
    options.profile.max_links = 4;
    options.is_private = is_private;
    return store_->add(dir_.path() / "in/f", options)->cid;
  }

  Result<std::vector<ipld::Cid>> select(DagSelection selection) {
    std::vector<ipld::Cid> cids;
    ACCEL_TRY(DagCursor cursor, DagCursor::open(*store_, std::move(selection)));
    for (;;) {
      ACCEL_TRY(const auto block, cursor.next());
      if (!block) return cids;
      EXPECT_TRUE(!block->bytes || ipld::verify_block(block->cid, *block->bytes));
      cids.push_back(block->cid);
    }
  }

  test::TempDir dir_;
  std::unique_ptr<Store> store_;
};

TEST_F(DagSelectionTest, a_range_takes_the_leaves_that_overlap_it_and_their_nodes) {
  const auto root = add_file(256 * 16, 1);  // 16 leaves, 4 nodes, a root.
  const auto count = [&](std::int64_t from, std::optional<std::int64_t> to) {
    return select({root, {}, DagScope::entity, EntityBytes{from, to}})->size();
  };
  EXPECT_EQ(select({root})->size(), 21U);
  EXPECT_EQ(count(0, {}), 21U);
  EXPECT_EQ(count(0, 0), 3U);
  EXPECT_EQ(count(255, 256), 4U);
  EXPECT_EQ(count(1023, 1024), 5U) << "over the edge of a node";
  EXPECT_EQ(count(-1, {}), 3U);
  EXPECT_EQ(count(-256, -256), 3U);
  EXPECT_EQ(count(-99999, -3841), 3U);
  EXPECT_EQ(count(4096, {}), 1U) << "nothing of it exists: the root tells so";
  EXPECT_EQ(count(INT64_MIN, INT64_MAX), 21U);
  EXPECT_EQ(count(INT64_MAX, INT64_MAX), 1U);
  EXPECT_EQ(count(0, INT64_MIN), 1U);
}

TEST_F(DagSelectionTest, random_ranges_take_exactly_what_reading_them_needs) {
  constexpr std::size_t kBytes = 256 * 50 + 17;
  const auto root = add_file(kBytes, 2);
  SeededRandom random(20261121);
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t from = random.below(kBytes);
    const std::uint64_t to = from + random.below(kBytes - from);
    const auto blocks =
        select({root,
                {},
                DagScope::entity,
                EntityBytes{static_cast<std::int64_t>(from), static_cast<std::int64_t>(to)}});
    std::size_t leaves = 0;
    for (const ipld::Cid& cid : *blocks) leaves += cid.codec() == Codec::raw ? 1 : 0;
    EXPECT_EQ(leaves, to / 256 - from / 256 + 1) << from << " to " << to;
  }
}

TEST_F(DagSelectionTest, repeated_parts_of_a_file_are_not_lost_to_a_cut) {
  // Four equal nodes of four equal leaves: the first is cut by the range, a later one is whole.
  test::write_bytes(dir_.path() / "in/f", Bytes(256 * 16, 7));
  AddOptions options;
  options.profile.chunk_size = 256;
  options.profile.max_links = 4;
  const auto root = store_->add(dir_.path() / "in/f", options)->cid;
  EXPECT_EQ(select({root})->size(), 3U);
  EXPECT_EQ(select({root, {}, DagScope::all, {}, true})->size(), 21U);
  EXPECT_EQ(select({root, {}, DagScope::entity, EntityBytes{1000, 3000}})->size(), 3U);
}

TEST_F(DagSelectionTest, the_entity_of_a_folder_is_its_block_and_of_a_document_its_own) {
  test::write_bytes(dir_.path() / "d/a", as_bytes("x"));
  const auto folder = store_->add(dir_.path() / "d", {})->cid;
  const auto document = put_cbor(Value::list({Value::link(folder)}));
  EXPECT_EQ(*select({folder, {}, DagScope::entity}), (std::vector{folder}));
  EXPECT_EQ(*select({document, {}, DagScope::entity}), (std::vector{document}));
  EXPECT_EQ(select({document})->size(), 3U);
  EXPECT_EQ(*select({document, {"0"}, DagScope::block}), (std::vector{document, folder}));
}

TEST_F(DagSelectionTest, a_path_into_a_document_takes_what_is_linked_below_it_alone) {
  const auto one = put_cbor(Value::text("one"));
  const auto two = put_cbor(Value::text("two"));
  const auto root = put_cbor(
      Value::map({{"a", Value::list({Value::link(one)})}, {"b", Value::list({Value::link(two)})}}));
  EXPECT_EQ(*select({root, {"a"}}), (std::vector{root, one}));
  EXPECT_EQ(*select({root, {"b"}, DagScope::entity}), (std::vector{root}));
  EXPECT_EQ(*select({root}), (std::vector{root, one, two}));
}

TEST_F(DagSelectionTest, shards_of_a_folder_come_with_the_path_and_whole_as_an_entity) {
  const auto car = read_file("test/data/gateway/content.car", 10U << 20U).value();
  ipld::CarReader reader;
  reader.feed(car);
  reader.finish();
  std::vector<std::pair<ipld::Cid, Bytes>> blocks;
  for (;;) {
    const auto block = reader.next();
    ASSERT_TRUE(block.has_value()) << block.error().message;
    if (!*block) break;
    if (!(*block)->cid.is_identity()) blocks.emplace_back((*block)->cid, to_bytes((*block)->data));
  }
  const Store::BlockList list(blocks.begin(), blocks.end());
  ASSERT_TRUE(store_->put_all(list).has_value());
  const auto root =
      ipld::Cid::parse("bafybeidbclfqleg2uojchspzd4bob56dqetqjsj27gy2cq3klkkgxtpn4i").value();
  const auto path = select({root, {"1.txt"}, DagScope::block});
  ASSERT_TRUE(path.has_value()) << path.error().message;
  EXPECT_EQ(path->front(), root);
  EXPECT_EQ(path->size(), 3U) << "the root, one shard, the file";
  const auto folder = select({root, {}, DagScope::entity});
  EXPECT_GT(folder->size(), 50U);
  EXPECT_EQ(select({root, {"1.txt"}})->back().codec(), Codec::raw);
}

TEST_F(DagSelectionTest, what_is_missing_or_private_ends_the_walk) {
  const auto absent = ipld::Cid::v1(Codec::dag_cbor, ipld::sha2_256(as_bytes("absent")));
  EXPECT_EQ(select({absent}).error().code, Errc::not_found);
  EXPECT_EQ(select({put_cbor(Value::link(absent))}).error().code, Errc::not_found);
  const auto hidden = add_file(1000, 3, true);
  const auto shown = put_cbor(Value::link(hidden));
  EXPECT_TRUE(select({shown}).has_value());
  DagSelection selection{shown};
  selection.public_only = true;
  EXPECT_EQ(select(selection).error().code, Errc::not_found);
  selection.root = hidden;
  EXPECT_EQ(select(selection).error().code, Errc::not_found);
}

}  // namespace
}  // namespace accel::blockstore
