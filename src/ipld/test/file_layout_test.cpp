// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/file_layout.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/dag_pb.hpp"
#include "import_support.hpp"
#include "property_support.hpp"

namespace accel::ipld {
namespace {

using testing::Blocks;
using testing::import_bytes;

ImportProfile small_profile(bool raw_leaves, std::uint64_t chunk_size, std::uint32_t max_links) {
  ImportProfile profile = raw_leaves ? unixfs_v1_2025() : unixfs_v0_2015();
  profile.chunk_size = chunk_size;
  profile.max_links = max_links;
  return profile;
}

// Levels of nodes from the root down to a leaf; fails the test if two leaves differ.
std::size_t uniform_depth(const Cid& cid, const Blocks& blocks) {
  const NodeView view = decode_node(cid, blocks.at(cid)).value();
  std::size_t depth = 0;
  for (const FileChild& child : view.children) {
    const std::size_t below = uniform_depth(child.cid, blocks);
    EXPECT_TRUE(depth == 0 || depth == below + 1);
    depth = below + 1;
  }
  return depth;
}

// Tsize as its definition says it: the block and, for each link, the DAG below again.
std::uint64_t counted_dag_bytes(const Cid& cid, const Blocks& blocks) {
  const Bytes& block = blocks.at(cid);
  std::uint64_t bytes = block.size();
  const NodeView view = decode_node(cid, block).value();
  for (const FileChild& child : view.children) {
    bytes += counted_dag_bytes(child.cid, blocks);
  }
  return bytes;
}

TEST(FileLayout, a_file_of_one_leaf_is_that_leaf) {
  const Leaf leaf = make_leaf(unixfs_v1_2025(), as_bytes("hello\n"));
  const Built built = import_bytes(unixfs_v1_2025(), as_bytes("hello\n"));
  EXPECT_EQ(built.root, leaf.cid);
  EXPECT_EQ(built.dag_bytes, 6U);
}

TEST(FileLayout, a_file_without_bytes_is_the_empty_leaf_and_is_handed_out) {
  for (const ImportProfile& profile : {unixfs_v1_2025(), unixfs_v0_2015()}) {
    Blocks blocks;
    const Built built = import_bytes(profile, {}, &blocks);
    EXPECT_EQ(built.file_bytes, 0U);
    ASSERT_EQ(blocks.size(), 1U);
    EXPECT_EQ(blocks.begin()->first, built.root);
    EXPECT_TRUE(verify_block(built.root, blocks.begin()->second));
    EXPECT_EQ(built.dag_bytes, blocks.begin()->second.size());
  }
}

TEST(FileLayout, a_full_node_gets_no_empty_brother) {
  Blocks blocks;
  const Built built = import_bytes(small_profile(true, 4, 3), as_bytes("aaaabbbbcccc"), &blocks);
  EXPECT_EQ(blocks.size(), 4U);
  EXPECT_EQ(decode_node(built.root, blocks.at(built.root)).value().children.size(), 3U);
}

TEST(FileLayout, one_leaf_more_than_full_makes_a_level_of_one_narrow_node) {
  Blocks blocks;
  const Built built = import_bytes(small_profile(true, 4, 3), as_bytes("aaaabbbbccccd"), &blocks);
  const NodeView root = decode_node(built.root, blocks.at(built.root)).value();
  ASSERT_EQ(root.children.size(), 2U);
  EXPECT_EQ(root.children[1].offset, 12U);
  EXPECT_EQ(root.children[1].length, 1U);
  const Cid& narrow = root.children[1].cid;
  EXPECT_EQ(decode_node(narrow, blocks.at(narrow)).value().children.size(), 1U);
}

TEST(FileLayout, hands_out_children_before_parents_and_the_root_last) {
  std::vector<Cid> seen;
  const auto layout =
      make_layout(small_profile(true, 1, 2), [&](const Cid& cid, ByteView block) -> Status {
        const PbNode node = decode_pb(block).value();
        for (const PbLink& link : node.links) {
          const bool is_leaf = link.cid.codec() == Codec::raw;
          EXPECT_TRUE(is_leaf || std::ranges::find(seen, link.cid) != seen.end());
        }
        seen.push_back(cid);
        return {};
      });
  for (const char letter : std::string("abcdefgh")) {
    ASSERT_TRUE(layout->add_leaf(make_leaf(unixfs_v1_2025(), as_bytes({&letter, 1}))));
  }
  const Built built = layout->finish({}).value();
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(seen.back(), built.root);
}

TEST(FileLayout, gives_back_the_failure_of_whoever_takes_the_nodes) {
  const auto full_disk = [](const Cid&, ByteView) -> Status {
    return fail(Errc::resource_exhausted, "The disk is full.");
  };
  const auto layout = make_layout(small_profile(true, 1, 2), full_disk);
  const Leaf leaf = make_leaf(unixfs_v1_2025(), as_bytes("a"));
  EXPECT_TRUE(layout->add_leaf(leaf));
  EXPECT_TRUE(layout->add_leaf(leaf));
  EXPECT_EQ(layout->add_leaf(leaf).error().code, Errc::resource_exhausted);
  const auto empty = make_layout(unixfs_v1_2025(), full_disk);
  EXPECT_EQ(empty->finish({}).error().code, Errc::resource_exhausted);
}

TEST(FileLayout, metadata_stands_in_the_root_only) {
  const UnixFsMeta meta{0640, UnixFsTime{1, 2}};
  // One full node, one leaf more, two full levels, three levels.
  for (const std::size_t size : {4U, 5U, 16U, 17U}) {
    Blocks blocks;
    const auto layout = make_layout(small_profile(true, 1, 4), testing::collect_into(&blocks));
    const Bytes file = testing::hash_stream(size);
    for (const std::uint8_t byte : file) {
      const Leaf leaf = make_leaf(unixfs_v1_2025(), {&byte, 1});
      blocks.emplace(leaf.cid, Bytes{byte});
      ASSERT_TRUE(layout->add_leaf(leaf));
    }
    const Built built = layout->finish(meta).value();
    for (const auto& [cid, block] : blocks) {
      EXPECT_EQ(decode_node(cid, block).value().meta == meta, cid == built.root);
    }
    EXPECT_EQ(built.dag_bytes, counted_dag_bytes(built.root, blocks));
  }
}

TEST(FileLayout, an_only_leaf_with_metadata_is_a_node_of_the_file) {
  const UnixFsMeta meta{{}, UnixFsTime{-1, {}}};
  for (const bool raw_leaves : {true, false}) {
    const ImportProfile profile = small_profile(raw_leaves, 8, 4);
    for (const std::string_view text : {"", "hello"}) {
      Blocks blocks;
      const auto layout = make_layout(profile, testing::collect_into(&blocks));
      const Leaf leaf = make_leaf(profile, as_bytes(text), meta);
      EXPECT_EQ(leaf.cid.codec(), Codec::dag_pb);
      if (!text.empty()) {
        blocks.emplace(leaf.cid, leaf_block(profile, as_bytes(text), meta));
        ASSERT_TRUE(layout->add_leaf(leaf));
      }
      const Built built = layout->finish(meta).value();
      EXPECT_EQ(built.root, leaf.cid);
      const NodeView view = decode_node(built.root, blocks.at(built.root)).value();
      EXPECT_EQ(as_text(view.inline_data), text);
      EXPECT_EQ(view.meta, meta);
      EXPECT_EQ(built.dag_bytes, blocks.at(built.root).size());
    }
  }
}

TEST(FileLayout, every_block_is_named_by_the_hash_of_the_profile) {
  ImportProfile profile = small_profile(true, 1, 4);
  profile.hash = HashCode::sha2_512;
  Blocks blocks;
  const Built built = import_bytes(profile, as_bytes("abcdef"), &blocks);
  for (const auto& [cid, block] : blocks) {
    EXPECT_EQ(cid.hash().code(), HashCode::sha2_512);
    EXPECT_TRUE(verify_block(cid, block));
  }
  EXPECT_EQ(built.file_bytes, 6U);
}

TEST(FileLayout, takes_a_width_below_two_for_two) {
  Blocks blocks;
  const Built built = import_bytes(small_profile(true, 1, 1), as_bytes("abc"), &blocks);
  EXPECT_EQ(uniform_depth(built.root, blocks), 2U);
}

TEST(LeafFrame, wraps_a_payload_as_leaf_block_does) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{127}, std::size_t{128}, std::size_t{262144}}) {
    const Bytes payload(size, 7);
    const LeafFrame frame = leaf_frame(unixfs_v0_2015(), size);
    const Bytes block = leaf_block(unixfs_v0_2015(), payload);
    const Leaf leaf = make_leaf(unixfs_v0_2015(), payload);
    EXPECT_EQ(frame.prefix.size() + size + frame.suffix.size(), block.size());
    EXPECT_EQ(leaf.block_bytes, block.size());
    EXPECT_EQ(leaf.payload_bytes, size);
    EXPECT_TRUE(verify_block(leaf.cid, block));
    const NodeView view = decode_node(leaf.cid, block).value();
    EXPECT_EQ(view.file_bytes, size);
    if (size == 0) continue;
    EXPECT_EQ(view.inline_data.data(), block.data() + frame.prefix.size());
  }
}

TEST(LeafFrame, is_empty_for_raw_leaves) {
  EXPECT_TRUE(leaf_frame(unixfs_v1_2025(), 5).prefix.empty());
  EXPECT_TRUE(leaf_frame(unixfs_v1_2025(), 5).suffix.empty());
  EXPECT_EQ(leaf_block(unixfs_v1_2025(), as_bytes("hello")), to_bytes("hello"));
  EXPECT_EQ(leaf_cid(unixfs_v1_2025(), sha2_256(as_bytes("hello"))),
            make_leaf(unixfs_v1_2025(), as_bytes("hello")).cid);
}

TEST(LeafCount, rounds_up_and_gives_the_empty_file_one_leaf) {
  const ImportProfile profile = small_profile(true, 10, 3);
  EXPECT_EQ(leaf_count(profile, 0), 1U);
  EXPECT_EQ(leaf_count(profile, 1), 1U);
  EXPECT_EQ(leaf_count(profile, 10), 1U);
  EXPECT_EQ(leaf_count(profile, 11), 2U);
  EXPECT_EQ(leaf_count(unixfs_v1_2025(), UINT64_MAX), std::uint64_t{1} << 44U);
}

TEST(FileLayout, files_of_any_shape_read_back_equal) {
  ACCEL_TRACE_SEED();
  testing::Generator any;
  for (int round = 0; round < 150; ++round) {
    const ImportProfile profile =
        small_profile(any.coin(), 1 + any.below(9), static_cast<std::uint32_t>(2 + any.below(5)));
    const Bytes file = any.bytes_up_to(400);
    SCOPED_TRACE(fmt::format("{} bytes, chunks of {}, {} links", file.size(), profile.chunk_size,
                             profile.max_links));
    Blocks blocks;
    const Built built = import_bytes(profile, file, &blocks);
    Bytes read;
    const Status status = testing::read_back(built.root, blocks, read);
    ASSERT_TRUE(status) << status.error().message;
    ASSERT_EQ(read, file);
    ASSERT_EQ(built.file_bytes, file.size());
    ASSERT_EQ(built.dag_bytes, counted_dag_bytes(built.root, blocks));
    uniform_depth(built.root, blocks);
  }
}

}  // namespace
}  // namespace accel::ipld
