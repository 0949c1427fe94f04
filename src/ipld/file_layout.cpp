// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/file_layout.hpp"

#include <algorithm>
#include <utility>

#include "accel/ipld/protobuf.hpp"
#include "balanced_layout.hpp"
#include "node_cid.hpp"
#include "trickle_layout.hpp"
#include "views.hpp"

namespace accel::ipld {
namespace {

constexpr std::uint32_t kPbData = 1;      // PBNode.Data
constexpr std::uint32_t kUnixFsData = 2;  // Data.Data
constexpr std::uint32_t kUnixFsSize = 3;  // Data.filesize
constexpr std::uint32_t kUnixFsType = 1;  // Data.Type

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
  // As in Kubo: the leaves of a trickle are of a type of their own.
  const NodeType type = profile.shape == FileShape::trickle ? NodeType::raw : NodeType::file;
  put_varint_field(head, kUnixFsType, static_cast<std::uint64_t>(type));
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

std::unique_ptr<FileLayout> make_layout(const ImportProfile& profile, OnFileNode on_node) {
  detail::FileNodeMaker maker(profile, std::move(on_node));
  if (profile.shape == FileShape::trickle) {
    return std::make_unique<detail::TrickleLayout>(std::move(maker));
  }
  return std::make_unique<detail::BalancedLayout>(std::move(maker));
}

}  // namespace accel::ipld
