// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/file_layout.hpp"

#include <algorithm>
#include <utility>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/unixfs.hpp"
#include "node_cid.hpp"
#include "accel/ipld/protobuf.hpp"
#include "views.hpp"

namespace accel::ipld {
namespace {

constexpr std::uint32_t kPbData = 1;      // PBNode.Data
constexpr std::uint32_t kUnixFsData = 2;  // Data.Data
constexpr std::uint32_t kUnixFsSize = 3;  // Data.filesize
constexpr std::uint32_t kUnixFsType = 1;  // Data.Type
constexpr std::uint32_t kMinLinks = 2;    // One link a node would never end.

Bytes concatenate(const LeafFrame& frame, ByteView payload) {
  Bytes block;
  block.reserve(frame.prefix.size() + payload.size() + frame.suffix.size());
  block.insert(block.end(), frame.prefix.begin(), frame.prefix.end());
  block.insert(block.end(), payload.begin(), payload.end());
  block.insert(block.end(), frame.suffix.begin(), frame.suffix.end());
  return block;
}

}  // namespace

LeafFrame leaf_frame(const ImportProfile& profile, std::uint64_t payload_bytes,
                     const UnixFsMeta& meta) {
  if (profile.raw_leaves && meta.empty()) return {};
  Bytes head;
  put_varint_field(head, kUnixFsType, static_cast<std::uint64_t>(NodeType::file));
  // An empty file has no data field at all: so Kubo has it, and so QmbFMke… came about.
  if (payload_bytes > 0) put_bytes_header(head, kUnixFsData, payload_bytes);
  LeafFrame frame;
  put_varint_field(frame.suffix, kUnixFsSize, payload_bytes);
  detail::put_meta_fields(frame.suffix, meta);
  put_bytes_header(frame.prefix, kPbData,
                           head.size() + payload_bytes + frame.suffix.size());
  frame.prefix.insert(frame.prefix.end(), head.begin(), head.end());
  return frame;
}

Bytes leaf_block(const ImportProfile& profile, ByteView payload, const UnixFsMeta& meta) {
  return concatenate(leaf_frame(profile, payload.size(), meta), payload);
}

Cid leaf_cid(const ImportProfile& profile, Multihash block_hash, const UnixFsMeta& meta) {
  return profile.raw_leaves && meta.empty() ? Cid::v1(Codec::raw, std::move(block_hash))
                                            : detail::dag_pb_cid(profile, std::move(block_hash));
}

Leaf make_leaf(const ImportProfile& profile, ByteView payload, const UnixFsMeta& meta) {
  if (profile.raw_leaves && meta.empty()) {
    return {leaf_cid(profile, hash_block(profile, payload)), payload.size(), payload.size()};
  }
  const Bytes block = leaf_block(profile, payload, meta);
  return {leaf_cid(profile, hash_block(profile, block), meta), payload.size(), block.size()};
}

std::uint64_t leaf_count(const ImportProfile& profile, std::uint64_t file_bytes) {
  const std::uint64_t chunk = std::max<std::uint64_t>(profile.chunk_size, 1);
  return file_bytes == 0 ? 1 : (file_bytes - 1) / chunk + 1;
}

BalancedLayout::BalancedLayout(const ImportProfile& profile, OnNode on_node)
    : profile_(profile), on_node_(std::move(on_node)), levels_(1) {
  profile_.max_links = std::max(profile_.max_links, kMinLinks);
}

Status BalancedLayout::add_leaf(const Leaf& leaf) {
  return push(0, {leaf.cid, leaf.payload_bytes, leaf.block_bytes});
}

Status BalancedLayout::push(std::size_t level, Child child) {
  if (level == levels_.size()) levels_.emplace_back();
  if (levels_[level].size() == profile_.max_links) {
    ACCEL_TRY(Child full, close(level));
    ACCEL_CHECK(push(level + 1, std::move(full)));
  }
  levels_[level].push_back(std::move(child));
  return {};
}

Result<BalancedLayout::Child> BalancedLayout::close(std::size_t level, const UnixFsMeta& meta) {
  UnixFsNode file{.type = NodeType::file, .filesize = 0, .mode = meta.mode, .mtime = meta.mtime};
  PbNode node;
  Child made;
  for (Child& child : levels_[level]) {
    file.blocksizes.push_back(child.file_bytes);
    made.file_bytes += child.file_bytes;
    made.dag_bytes += child.dag_bytes;
    node.links.push_back({.cid = std::move(child.cid), .name = {}, .tsize = child.dag_bytes});
  }
  levels_[level].clear();
  file.filesize = made.file_bytes;
  node.data = encode_unixfs(file);
  const Bytes block = encode_pb(node);
  made.dag_bytes += block.size();
  made.cid = detail::dag_pb_cid(profile_, hash_block(profile_, block));
  ACCEL_CHECK(on_node_(made.cid, block));
  return made;
}

Result<Built> BalancedLayout::finish(const UnixFsMeta& meta) {
  if (levels_.size() == 1 && levels_[0].empty()) {
    const Leaf empty = make_leaf(profile_, {}, meta);
    ACCEL_CHECK(on_node_(empty.cid, leaf_block(profile_, {}, meta)));
    ACCEL_CHECK(add_leaf(empty));
  }
  // The right edge: every level below the top becomes one last, perhaps narrow, node of the next.
  for (std::size_t level = 0;; ++level) {
    const bool top = level + 1 == levels_.size();
    if (top && levels_[level].size() == 1) break;
    ACCEL_TRY(Child child, close(level, top ? meta : UnixFsMeta{}));
    ACCEL_CHECK(push(level + 1, std::move(child)));
  }
  const Child root = levels_.back().front();
  levels_.assign(1, {});
  return Built{root.cid, root.file_bytes, root.dag_bytes};
}

}  // namespace accel::ipld
