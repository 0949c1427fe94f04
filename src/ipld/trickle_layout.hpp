// SPDX-License-Identifier: Apache-2.0
#pragma once
// Each node holds leaves first, then subtrees that grow deeper, four of each depth. Private to
// ipld: make_layout(). Spec: ipfs/specs src/unixfs.md ("trickle"); equal to Kubo's
// importer/trickle.

#include <vector>

#include "file_node.hpp"

namespace accel::ipld::detail {

class TrickleLayout final : public FileLayout {
 public:
  explicit TrickleLayout(FileNodeMaker maker) : maker_(std::move(maker)), open_(1) {}

  Status add_leaf(const Leaf& leaf) override;
  Result<Built> finish(const UnixFsMeta& meta) override;

 private:
  // A node that is not full yet. One of depth d holds leaves and subtrees of depths below d.
  struct Open {
    std::size_t depth = 0;    // 0: the root, which has no limit.
    std::size_t subtree = 1;  // The depth of the subtree that comes next,
    int repeated = 0;         // and how many of it there are.
    std::vector<FileNode> children;
  };
  // Makes room in the innermost node: opens the next subtree, or closes what is full.
  Status descend();
  Status close_last();

  FileNodeMaker maker_;
  std::vector<Open> open_;  // From the root down.
};

}  // namespace accel::ipld::detail
