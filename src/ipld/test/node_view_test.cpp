// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/node_view.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/unixfs.hpp"
#include "import_support.hpp"
#include "property_support.hpp"

namespace accel::ipld {
namespace {

const Cid kChild = Cid::v1(Codec::raw, sha2_256(as_bytes("child")));

// A dag-pb block around a UnixFS node, with one link per name.
Bytes block_of(const UnixFsNode& unixfs, const std::vector<std::string>& names = {}) {
  PbNode node;
  for (const std::string& name : names) node.links.push_back({kChild, name, 5});
  node.data = encode_unixfs(unixfs);
  return encode_pb(node);
}

Cid cid_of(const Bytes& block) { return Cid::v1(Codec::dag_pb, sha2_256(block)); }
Result<NodeView> view_of(const Bytes& block) { return decode_node(cid_of(block), block); }
Error error_of(const Bytes& block) { return view_of(block).error(); }

UnixFsNode file_of(std::uint64_t filesize, std::vector<std::uint64_t> sizes) {
  return {.type = NodeType::file, .filesize = filesize, .blocksizes = std::move(sizes)};
}

TEST(NodeView, a_raw_block_is_file_bytes_without_a_copy) {
  const Bytes block = to_bytes("hello");
  const NodeView view = decode_node(kChild, block).value();
  EXPECT_EQ(view.kind, NodeKind::raw);
  EXPECT_EQ(view.file_bytes, 5U);
  EXPECT_EQ(view.inline_data.data(), block.data());
  EXPECT_TRUE(view.is_file());
}

TEST(NodeView, children_of_a_file_stand_at_their_offsets) {
  const NodeView view = view_of(block_of(file_of(300, {100, 150, 50}), {"", "", ""})).value();
  EXPECT_EQ(view.kind, NodeKind::file);
  EXPECT_EQ(view.file_bytes, 300U);
  ASSERT_EQ(view.children.size(), 3U);
  EXPECT_EQ(view.children[1].offset, 100U);
  EXPECT_EQ(view.children[2].offset, 250U);
  EXPECT_EQ(view.children[2].length, 50U);
  EXPECT_EQ(view.children[2].tsize, 5U);
}

TEST(NodeView, bytes_in_a_file_node_come_before_its_children) {
  UnixFsNode unixfs = file_of(8, {5});
  unixfs.data = to_bytes("abc");
  const Bytes block = block_of(unixfs, {""});
  const NodeView view = view_of(block).value();
  EXPECT_EQ(as_text(view.inline_data), "abc");
  EXPECT_GE(view.inline_data.data(), block.data());
  EXPECT_LT(view.inline_data.data(), block.data() + block.size());
  EXPECT_EQ(view.children[0].offset, 3U);
}

TEST(NodeView, reads_old_raw_nodes_as_files) {
  const UnixFsNode unixfs{.type = NodeType::raw, .data = to_bytes("abc"), .filesize = 3};
  EXPECT_EQ(view_of(block_of(unixfs)).value().kind, NodeKind::file);
  EXPECT_EQ(error_of(block_of({.type = NodeType::raw, .blocksizes = {5}}, {""})).code,
            Errc::corrupt);
}

TEST(NodeView, takes_the_sum_when_a_file_does_not_state_its_size) {
  const UnixFsNode unixfs{.type = NodeType::file, .blocksizes = {5, 6}};
  EXPECT_EQ(view_of(block_of(unixfs, {"", ""})).value().file_bytes, 11U);
}

TEST(NodeView, refuses_files_whose_sizes_do_not_add_up) {
  EXPECT_EQ(error_of(block_of(file_of(11, {5, 5}), {"", ""})).code, Errc::corrupt);
  EXPECT_EQ(error_of(block_of(file_of(5, {5}), {"", ""})).code, Errc::corrupt);
  EXPECT_EQ(error_of(block_of(file_of(10, {5, 5}), {""})).code, Errc::corrupt);
  EXPECT_EQ(error_of(block_of(file_of(3, {}))).code, Errc::corrupt);
}

TEST(NodeView, refuses_sizes_that_overflow) {
  EXPECT_EQ(error_of(block_of(file_of(0, {UINT64_MAX, 1}), {"", ""})).code, Errc::corrupt);
  EXPECT_EQ(error_of(block_of(file_of(0, {INT64_MAX, 1}), {"", ""})).code, Errc::corrupt);
  EXPECT_TRUE(view_of(block_of(file_of(INT64_MAX, {INT64_MAX - 1, 1}), {"", ""})));
}

// A tree of empty parts could be walked for ever without yielding a byte.
TEST(NodeView, refuses_parts_without_bytes) {
  EXPECT_EQ(error_of(block_of(file_of(5, {5, 0}), {"", ""})).code, Errc::corrupt);
}

TEST(NodeView, refuses_directories_with_names_that_lead_out_of_them) {
  const UnixFsNode directory{.type = NodeType::directory};
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("../foo"),
        std::string("/etc/passwd"), std::string("a\0b", 3), std::string(256, 'x')}) {
    const Bytes block = block_of(directory, {"ok", name});
    EXPECT_EQ(error_of(block).code, Errc::corrupt) << name;
    EXPECT_NE(error_of(block).message.find(cid_of(block).to_string()), std::string::npos);
  }
}

TEST(NodeView, refuses_directories_with_one_name_twice_even_far_apart) {
  const UnixFsNode directory{.type = NodeType::directory};
  EXPECT_EQ(error_of(block_of(directory, {"a", "a"})).code, Errc::corrupt);
  EXPECT_EQ(error_of(block_of(directory, {"a", "b", "a"})).code, Errc::corrupt);
}

TEST(NodeView, takes_directories_in_any_order) {
  const NodeView view = view_of(block_of({.type = NodeType::directory}, {"b", "a"})).value();
  EXPECT_EQ(view.entries[0].name, "b");
  EXPECT_FALSE(view.is_file());
}

TEST(NodeView, refuses_symbolic_links_without_a_usable_target) {
  EXPECT_EQ(error_of(block_of({.type = NodeType::symlink})).code, Errc::corrupt);
  EXPECT_EQ(error_of(block_of({.type = NodeType::symlink, .data = Bytes{'a', 0}})).code,
            Errc::corrupt);
  EXPECT_EQ(
      error_of(block_of({.type = NodeType::symlink, .data = Bytes(kMaxSymlinkBytes + 1, 'a')}))
          .code,
      Errc::corrupt);
}

TEST(NodeView, tells_sharded_directories_apart_and_leaves_them_closed) {
  const UnixFsNode shard{
      .type = NodeType::hamt_shard, .data = Bytes{1}, .hash_type = 0x22, .fanout = 256};
  const NodeView view = view_of(block_of(shard, {"00a"})).value();
  EXPECT_EQ(view.kind, NodeKind::hamt);
  EXPECT_TRUE(view.entries.empty());
  EXPECT_EQ(node_kind_name(view.kind), "sharded directory");
}

TEST(NodeView, calls_what_is_no_file_or_directory_unsupported) {
  EXPECT_EQ(decode_node(Cid::v1(Codec::dag_cbor, sha2_256({})), {}).error().code,
            Errc::unsupported);
  EXPECT_EQ(decode_node(Cid::v1(Codec::dag_pb, sha2_256({})), {}).error().code, Errc::unsupported);
  EXPECT_EQ(error_of(block_of({.type = NodeType::metadata})).code, Errc::unsupported);
}

TEST(NodeView, refuses_what_is_no_protobuf) {
  EXPECT_EQ(error_of(to_bytes("this is not protobuf")).code, Errc::corrupt);
  EXPECT_EQ(error_of(from_hex("0a03ffffff").value()).code, Errc::corrupt);
}

TEST(NodeView, refuses_blocks_above_the_limit) {
  const Bytes block(kMaxBlockBytes + 1, 0);
  EXPECT_EQ(decode_node(kChild, block).error().code, Errc::resource_exhausted);
  EXPECT_EQ(decode_node(cid_of(block), block).error().code, Errc::resource_exhausted);
}

TEST(CheckChild, holds_a_child_to_what_its_parent_promised) {
  const Bytes block = to_bytes("child");
  const NodeView child = decode_node(kChild, block).value();
  EXPECT_TRUE(check_child({kChild, 0, 5, 0}, child));
  const Status longer = check_child({kChild, 0, 6, 0}, child);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, Errc::corrupt);
  EXPECT_NE(longer.error().message.find(kChild.to_string()), std::string::npos);
}

TEST(CheckChild, refuses_a_directory_in_the_middle_of_a_file) {
  const NodeView directory = view_of(block_of({.type = NodeType::directory})).value();
  EXPECT_EQ(check_child({kChild, 0, 0, 0}, directory).error().code, Errc::corrupt);
}

TEST(NodeView, survives_every_cut_and_every_flipped_byte_of_real_blocks) {
  testing::Blocks blocks;
  ImportProfile profile = unixfs_v0_2015();
  profile.chunk_size = 16;
  profile.max_links = 3;
  testing::import_bytes(profile, testing::hash_stream(100), &blocks);
  for (const auto& [cid, block] : blocks) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      std::ignore = decode_node(cid, ByteView(block).first(i));
      Bytes flipped = block;
      flipped[i] ^= 0xff;
      const auto view = decode_node(cid, flipped);
      EXPECT_FALSE(verify_block(cid, flipped));
      if (!view) continue;
      std::uint64_t sum = view->inline_data.size();
      for (const FileChild& child : view->children) sum += child.length;
      EXPECT_EQ(sum, view->file_bytes);
    }
  }
}

}  // namespace
}  // namespace accel::ipld
