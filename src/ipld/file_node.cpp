// SPDX-License-Identifier: Apache-2.0
#include "file_node.hpp"

#include <algorithm>
#include <utility>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/unixfs.hpp"
#include "node_cid.hpp"

namespace accel::ipld::detail {
namespace {

constexpr std::uint32_t kMinLinks = 2;  // With one link a node a tree would never end.

}  // namespace

FileNodeMaker::FileNodeMaker(const ImportProfile& profile, OnFileNode on_node)
    : profile_(profile), on_node_(std::move(on_node)) {
  profile_.max_links = std::max(profile_.max_links, kMinLinks);
}

Result<FileNode> FileNodeMaker::make(std::vector<FileNode> children, const UnixFsMeta& meta) const {
  UnixFsNode file{.type = NodeType::file, .filesize = 0, .mode = meta.mode, .mtime = meta.mtime};
  PbNode node;
  FileNode made;
  for (FileNode& child : children) {
    file.blocksizes.push_back(child.file_bytes);
    made.file_bytes += child.file_bytes;
    made.dag_bytes += child.dag_bytes;
    node.links.push_back({.cid = std::move(child.cid), .name = {}, .tsize = child.dag_bytes});
  }
  file.filesize = made.file_bytes;
  node.data = encode_unixfs(file);
  const Bytes block = encode_pb(node);
  made.dag_bytes += block.size();
  made.cid = dag_pb_cid(profile_, hash_block(profile_, block));
  ACCEL_CHECK(on_node_(made.cid, block));
  return made;
}

Result<FileNode> FileNodeMaker::make_empty_leaf(const UnixFsMeta& meta) const {
  const Leaf empty = make_leaf(profile_, {}, meta);
  ACCEL_CHECK(on_node_(empty.cid, leaf_block(profile_, {}, meta)));
  return node_of(empty);
}

}  // namespace accel::ipld::detail
