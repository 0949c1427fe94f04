// SPDX-License-Identifier: Apache-2.0
#include "tree_walk.hpp"

#include <gmock/gmock.h>

#include "test_dag.hpp"

namespace accel::exchange {
namespace {

using ::testing::HasSubstr;
using testing::noise;
using testing::TestDag;
using testing::tiny_profile;

struct Walked {
  Status status;
  std::vector<FilePlan> files;
  std::vector<ipld::Cid> nodes;
  std::uint64_t total_bytes = 0;
  bool done = false;
};

// Feeds the walk from the DAG; newest first when reversed, so that order does not matter.
Walked walk(const TestDag& dag, const ipld::Cid& root, WalkLimits limits = {},
            bool reversed = false) {
  TreeWalk tree(root, limits);
  Walked result;
  std::vector<NodeWant> open;
  while (true) {
    for (const auto& want : tree.take_nodes()) open.push_back(want);
    if (open.empty()) break;
    const auto place = reversed ? open.end() - 1 : open.begin();
    const ipld::Cid cid = place->cid;
    open.erase(place);
    const Bytes* block = dag.find(cid);
    if (block == nullptr) {
      ADD_FAILURE() << "asked for a foreign block";
      break;
    }
    result.nodes.push_back(cid);
    result.status = tree.on_node(cid, *block);
    if (!result.status) break;
    for (auto& plan : tree.take_files()) result.files.push_back(std::move(plan));
  }
  result.total_bytes = tree.total_bytes();
  result.done = tree.done();
  return result;
}

// The bytes that a plan describes, put together from the DAG's leaves.
Bytes assemble(const TestDag& dag, const FilePlan& plan) {
  Bytes bytes(plan.file_bytes);
  std::uint64_t end = 0;
  for (const auto& leaf : plan.leaves) {
    EXPECT_EQ(leaf.offset, end);
    const auto view = ipld::decode_node(leaf.cid, *dag.find(leaf.cid));
    EXPECT_EQ(view->inline_data.size(), leaf.length);
    std::copy(view->inline_data.begin(), view->inline_data.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(leaf.offset));
    end = leaf.offset + leaf.length;
  }
  EXPECT_EQ(end, plan.file_bytes);
  return bytes;
}

TEST(TreeWalk, plans_a_deep_file_of_raw_leaves) {
  TestDag dag;
  const Bytes bytes = noise(1, 100 * 1024 + 7);
  const auto file = dag.add_file(bytes);
  for (const bool reversed : {false, true}) {
    const Walked walked = walk(dag, file.cid, {}, reversed);
    ASSERT_TRUE(walked.status) << walked.status.error().message;
    ASSERT_EQ(walked.files.size(), 1U);
    EXPECT_EQ(assemble(dag, walked.files[0]), bytes);
    EXPECT_EQ(walked.total_bytes, dag.bytes()) << "every block once";
    EXPECT_TRUE(walked.done);
  }
}

TEST(TreeWalk, tells_wrapped_leaves_from_inner_nodes_by_their_tsize) {
  TestDag dag;
  const Bytes bytes = noise(2, 50 * 1024 + 1);
  const auto file = dag.add_file(bytes, tiny_profile(false));
  const Walked walked = walk(dag, file.cid);
  ASSERT_TRUE(walked.status) << walked.status.error().message;
  ASSERT_EQ(walked.files.size(), 1U);
  EXPECT_EQ(assemble(dag, walked.files[0]), bytes);
  EXPECT_LT(walked.nodes.size(), 30U) << "no leaf was asked for as a node";
}

TEST(TreeWalk, takes_wrapped_leaves_of_an_old_kubo_file) {
  TestDag dag;
  const Bytes bytes = noise(3, 3 * 262144 + 5);
  const auto file = dag.add_file(bytes, ipld::unixfs_v0_2015());
  const Walked walked = walk(dag, file.cid);
  ASSERT_TRUE(walked.status);
  ASSERT_EQ(walked.files.size(), 1U);
  EXPECT_EQ(assemble(dag, walked.files[0]), bytes);
  EXPECT_EQ(walked.nodes.size(), 1U);
}

TEST(TreeWalk, a_maker_without_tsizes_costs_only_time) {
  TestDag dag;
  const auto left = dag.add_file(noise(4, 900), tiny_profile(false));
  const auto right = dag.add_file(noise(5, 800), tiny_profile(false));
  const auto file =
      dag.add_node({.type = ipld::NodeType::file, .filesize = 1700, .blocksizes = {900, 800}},
                   {{left.cid, "", 0}, {right.cid, "", 0}});
  const Walked walked = walk(dag, file.cid);
  ASSERT_TRUE(walked.status) << walked.status.error().message;
  ASSERT_EQ(walked.files.size(), 1U);
  EXPECT_EQ(walked.files[0].leaves.size(), 2U);
  EXPECT_EQ(walked.nodes.size(), 3U);
}

TEST(TreeWalk, a_file_of_one_block_needs_no_plan) {
  TestDag dag;
  const auto file = dag.add_file(noise(6, 100));
  const Walked walked = walk(dag, file.cid);
  EXPECT_TRUE(walked.status);
  EXPECT_TRUE(walked.files.empty());
  EXPECT_EQ(walked.total_bytes, 100U);
}

TEST(TreeWalk, walks_folders_files_and_links) {
  TestDag dag;
  const auto small = dag.add_file(noise(7, 10));
  const auto large = dag.add_file(noise(8, 5000));
  const auto inner = dag.add_folder({{"large", large}, {"small", small}});
  const auto root = dag.add_folder(
      {{"again", large}, {"inner", inner}, {"link", dag.add_symlink("inner/small")}});
  const Walked walked = walk(dag, root.cid);
  ASSERT_TRUE(walked.status) << walked.status.error().message;
  EXPECT_EQ(walked.files.size(), 1U) << "the same file at two places is fetched once";
  EXPECT_EQ(walked.total_bytes, dag.bytes());
}

TEST(TreeWalk, a_part_of_one_file_may_be_a_file_of_its_own) {
  TestDag dag;
  const auto part = dag.add_file(noise(9, 4096));
  const auto other = dag.add_file(noise(10, 3000));
  const auto whole =
      dag.add_node({.type = ipld::NodeType::file, .filesize = 7096, .blocksizes = {4096, 3000}},
                   {{part.cid, "", part.tsize}, {other.cid, "", other.tsize}});
  for (const bool reversed : {false, true}) {
    for (const bool part_first : {false, true}) {
      const auto root = part_first ? dag.add_folder({{"a", part}, {"b", whole}})
                                   : dag.add_folder({{"a", whole}, {"b", part}});
      const Walked walked = walk(dag, root.cid, {}, reversed);
      ASSERT_TRUE(walked.status) << walked.status.error().message;
      EXPECT_EQ(walked.files.size(), 2U);
    }
  }
}

TEST(TreeWalk, plans_a_file_that_repeats_a_part) {
  TestDag dag;
  const Bytes zeros(64 * 1024, 0);
  const auto file = dag.add_file(zeros);
  const Walked walked = walk(dag, file.cid);
  ASSERT_TRUE(walked.status);
  ASSERT_EQ(walked.files.size(), 1U);
  EXPECT_EQ(walked.files[0].leaves.size(), 64U);
  EXPECT_EQ(assemble(dag, walked.files[0]), zeros);
  EXPECT_LE(walked.nodes.size(), 3U) << "equal nodes are read once";
}

TEST(TreeWalk, follows_the_shards_of_a_folder_to_all_its_files) {
  TestDag dag;
  const auto first = dag.add_file(noise(2, 5000));
  const auto second = dag.add_file(noise(3, 6000));
  const auto sharded = dag.add_sharded(first, second);
  const auto root = dag.add_folder({{"a", dag.add_symlink("b")}, {"b", sharded}});
  for (const bool reversed : {false, true}) {
    const Walked walked = walk(dag, root.cid, {}, reversed);
    ASSERT_TRUE(walked.status) << walked.status.error().message;
    EXPECT_TRUE(walked.done);
    ASSERT_EQ(walked.files.size(), 2U);
    EXPECT_NE(walked.files[0].root, walked.files[1].root);
    // The folder, the link, two shards, and of each file its root and the two nodes below.
    EXPECT_EQ(walked.nodes.size(), 10U);
  }
}

TEST(TreeWalk, refuses_a_broken_shard) {
  TestDag dag;
  const auto shard = dag.add_node(
      {.type = ipld::NodeType::hamt_shard, .data = Bytes{1}, .hash_type = 0x22, .fanout = 256}, {});
  const Walked walked = walk(dag, shard.cid);
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::corrupt);
  EXPECT_THAT(walked.status.error().message, HasSubstr(shard.cid.to_string()));
}

TEST(TreeWalk, refuses_a_sub_shard_that_is_something_else) {
  TestDag dag;
  for (const auto& other : {dag.add_folder({}), dag.add_file(noise(4, 5000))}) {
    const auto root = dag.add_node({.type = ipld::NodeType::hamt_shard,
                                    .data = Bytes{3},
                                    .hash_type = ipld::kHamtHash,
                                    .fanout = 256},
                                   {{other.cid, "00", 5}, {other.cid, "01", 5}});
    for (const bool reversed : {false, true}) {
      const Walked walked = walk(dag, root.cid, {}, reversed);
      ASSERT_FALSE(walked.status);
      EXPECT_EQ(walked.status.error().code, Errc::corrupt);
    }
  }
}

TEST(TreeWalk, refuses_a_file_that_is_also_a_sub_shard) {
  TestDag dag;
  const auto file = dag.add_file(noise(4, 5000));
  const auto slot = *ipld::hamt_slot(ipld::murmur3_x64_64(as_bytes("a")), 256, 0);
  Bytes bits(slot / 8 + 1, 0);
  bits.front() = static_cast<std::uint8_t>(1U << (slot % 8));
  bits.back() |= 1U;
  const auto root = dag.add_node(
      {.type = ipld::NodeType::hamt_shard, .data = bits, .hash_type = 0x22, .fanout = 256},
      {{file.cid, "00", 5}, {file.cid, fmt::format("{:02X}a", slot), file.tsize}});
  const Walked walked = walk(dag, root.cid);
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::corrupt);
}

TEST(TreeWalk, refuses_a_codec_that_is_no_file) {
  TestDag dag;
  const auto item = dag.add_block(ipld::Codec::dag_cbor, Bytes{0xa0});
  const Walked walked = walk(dag, item.cid);
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::unsupported);
}

TEST(TreeWalk, refuses_a_folder_in_the_middle_of_a_file) {
  TestDag dag;
  const auto folder = dag.add_folder({});
  const auto file = dag.add_node({.type = ipld::NodeType::file, .filesize = 9, .blocksizes = {9}},
                                 {{folder.cid, "", 500}});
  const Walked walked = walk(dag, file.cid);
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::corrupt);
}

TEST(TreeWalk, refuses_a_child_of_another_length_than_promised) {
  TestDag dag;
  const auto part = dag.add_file(noise(11, 4096));
  const auto file =
      dag.add_node({.type = ipld::NodeType::file, .filesize = 4000, .blocksizes = {4000}},
                   {{part.cid, "", part.tsize}});
  const Walked walked = walk(dag, file.cid);
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::corrupt);
  EXPECT_THAT(walked.status.error().message, HasSubstr(part.cid.to_string()));
}

TEST(TreeWalk, refuses_file_bytes_in_an_inner_node) {
  TestDag dag;
  const auto leaf = dag.add_file(noise(12, 10));
  const auto file = dag.add_node(
      {.type = ipld::NodeType::file, .data = Bytes{1, 2, 3}, .filesize = 13, .blocksizes = {10}},
      {{leaf.cid, "", leaf.tsize}});
  const Walked walked = walk(dag, file.cid);
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::unsupported);
}

TEST(TreeWalk, refuses_a_leaf_larger_than_any_block) {
  TestDag dag;
  const auto leaf = dag.add_block(ipld::Codec::raw, Bytes{1});
  const std::uint64_t huge = ipld::kMaxBlockBytes + 1;
  const auto file =
      dag.add_node({.type = ipld::NodeType::file, .filesize = huge, .blocksizes = {huge}},
                   {{leaf.cid, "", huge}});
  const Walked walked = walk(dag, file.cid);
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::corrupt);
}

TEST(TreeWalk, bounds_the_bytes_that_a_dag_claims) {
  TestDag dag;
  const auto file = dag.add_file(noise(13, 5000));
  const Walked walked = walk(dag, file.cid, {.max_total_bytes = 4999});
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::resource_exhausted);
}

// 4 links of 4 links of … of one leaf: a few blocks that unfold to 4^10 leaves.
TEST(TreeWalk, bounds_what_shared_nodes_unfold_to) {
  TestDag dag;
  auto item = dag.add_block(ipld::Codec::raw, Bytes{7});
  std::uint64_t size = 1;
  for (int level = 0; level < 10; ++level) {
    const ipld::PbLink link{item.cid, "", level == 0 ? 1U : 1'000'000'000U};
    item = dag.add_node({.type = ipld::NodeType::file,
                         .filesize = 4 * size,
                         .blocksizes = {size, size, size, size}},
                        {link, link, link, link});
    size *= 4;
  }
  const Walked walked = walk(dag, item.cid, {.max_leaves = 1000});
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::resource_exhausted);
}

TEST(TreeWalk, bounds_the_depth_of_folders) {
  TestDag dag;
  auto item = dag.add_file(noise(14, 10));
  for (int level = 0; level < 40; ++level) item = dag.add_folder({{"f", item}});
  const Walked walked = walk(dag, item.cid);
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::resource_exhausted);
}

TEST(TreeWalk, bounds_the_depth_of_files) {
  TestDag dag;
  auto item = dag.add_file(noise(15, 2048));
  for (int level = 0; level < 40; ++level) {
    item = dag.add_node({.type = ipld::NodeType::file, .filesize = 2048, .blocksizes = {2048}},
                        {{item.cid, "", 0}});
  }
  const Walked walked = walk(dag, item.cid);
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::resource_exhausted);
}

TEST(TreeWalk, bounds_the_number_of_nodes) {
  TestDag dag;
  std::vector<std::pair<std::string, TestDag::Item>> entries;
  for (std::uint64_t i = 0; i < 50; ++i) {
    entries.emplace_back(std::to_string(i), dag.add_file(noise(20 + i, 10)));
  }
  const auto root = dag.add_folder(entries);
  const Walked walked = walk(dag, root.cid, {.max_nodes = 20});
  ASSERT_FALSE(walked.status);
  EXPECT_EQ(walked.status.error().code, Errc::resource_exhausted);
}

TEST(TreeWalk, guesses_the_size_of_raw_files_from_their_tsize) {
  TestDag dag;
  const auto root = dag.add_folder({{"a", dag.add_file(noise(30, 777))}});
  TreeWalk tree(root.cid);
  tree.take_nodes();
  ASSERT_TRUE(tree.on_node(root.cid, *dag.find(root.cid)));
  const auto wants = tree.take_nodes();
  ASSERT_EQ(wants.size(), 1U);
  EXPECT_EQ(wants[0].bytes_guess, 777U);
}

TEST(TreeWalk, is_not_done_while_a_node_is_missing) {
  TestDag dag;
  const auto root = dag.add_folder({{"a", dag.add_file(noise(31, 777))}});
  TreeWalk tree(root.cid);
  EXPECT_FALSE(tree.done());
  ASSERT_TRUE(tree.on_node(root.cid, *dag.find(root.cid)));
  EXPECT_FALSE(tree.done());
}

}  // namespace
}  // namespace accel::exchange
