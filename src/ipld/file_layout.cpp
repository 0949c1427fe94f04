// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/file_layout.hpp"

#include <algorithm>
#include <utility>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/unixfs.hpp"
#include "node_cid.hpp"
#include "protobuf.hpp"

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

LeafFrame leaf_frame(const ImportProfile& profile, std::uint64_t payload_bytes) {
  if (profile.raw_leaves) return {};
  Bytes head;
  detail::put_varint_field(head, kUnixFsType, static_cast<std::uint64_t>(NodeType::file));
  // An empty file has no data field at all: so Kubo has it, and so QmbFMke… came about.
  if (payload_bytes > 0) detail::put_bytes_header(head, kUnixFsData, payload_bytes);
  LeafFrame frame;
  detail::put_varint_field(frame.suffix, kUnixFsSize, payload_bytes);
  detail::put_bytes_header(frame.prefix, kPbData,
                           head.size() + payload_bytes + frame.suffix.size());
  frame.prefix.insert(frame.prefix.end(), head.begin(), head.end());
  return frame;
}

Bytes leaf_block(const ImportProfile& profile, ByteView payload) {
  return concatenate(leaf_frame(profile, payload.size()), payload);
}

Cid leaf_cid(const ImportProfile& profile, const crypto::Sha256Digest& block_digest) {
  Multihash hash = sha2_256_of(block_digest);
  return profile.raw_leaves ? Cid::v1(Codec::raw, std::move(hash))
                            : detail::dag_pb_cid(profile, std::move(hash));
}

Leaf make_leaf(const ImportProfile& profile, ByteView payload) {
  if (profile.raw_leaves) {
    return {leaf_cid(profile, crypto::sha256(payload)), payload.size(), payload.size()};
  }
  const LeafFrame frame = leaf_frame(profile, payload.size());
  crypto::Sha256 hash;
  hash.update(frame.prefix);
  hash.update(payload);
  hash.update(frame.suffix);
  return {leaf_cid(profile, hash.finish()), payload.size(),
          frame.prefix.size() + payload.size() + frame.suffix.size()};
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
  for (;; ++level) {
    if (level == levels_.size()) levels_.emplace_back();
    levels_[level].push_back(std::move(child));
    if (levels_[level].size() < profile_.max_links) return {};
    ACCEL_TRY(child, close(level));
  }
}

Result<BalancedLayout::Child> BalancedLayout::close(std::size_t level) {
  UnixFsNode file{.type = NodeType::file, .filesize = 0};
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
  made.cid = detail::dag_pb_cid(profile_, sha2_256(block));
  ACCEL_CHECK(on_node_(made.cid, block));
  return made;
}

Result<Built> BalancedLayout::finish() {
  if (levels_.size() == 1 && levels_[0].empty()) {
    ACCEL_CHECK(on_node_(make_leaf(profile_, {}).cid, leaf_block(profile_, {})));
    ACCEL_CHECK(add_leaf(make_leaf(profile_, {})));
  }
  // The right edge: every level below the top becomes one last, perhaps narrow, node of the next.
  for (std::size_t level = 0;; ++level) {
    const bool top = level + 1 == levels_.size();
    if (top && levels_[level].size() == 1) break;
    if (levels_[level].empty()) continue;
    ACCEL_TRY(Child child, close(level));
    ACCEL_CHECK(push(level + 1, std::move(child)));
  }
  const Child root = levels_.back().front();
  levels_.assign(1, {});
  return Built{root.cid, root.file_bytes, root.dag_bytes};
}

}  // namespace accel::ipld
