// SPDX-License-Identifier: Apache-2.0
#pragma once
// An inner node of a file from its children, whatever the layout. Private to ipld.

#include <vector>

#include "accel/ipld/file_layout.hpp"

namespace accel::ipld::detail {

struct FileNode {
  Cid cid{};
  std::uint64_t file_bytes = 0;
  std::uint64_t dag_bytes = 0;
};

class FileNodeMaker {
 public:
  FileNodeMaker(const ImportProfile& profile, OnFileNode on_node);

  const ImportProfile& profile() const { return profile_; }
  // Hands the node's block out. Errors: whatever on_node returns.
  Result<FileNode> make(std::vector<FileNode> children, const UnixFsMeta& meta = {}) const;
  // The leaf of a file without bytes, handed out too.
  Result<FileNode> make_empty_leaf(const UnixFsMeta& meta) const;

 private:
  ImportProfile profile_;
  OnFileNode on_node_;
};

inline FileNode node_of(const Leaf& leaf) {
  return {leaf.cid, leaf.payload_bytes, leaf.block_bytes};
}

}  // namespace accel::ipld::detail
