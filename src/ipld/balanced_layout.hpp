// SPDX-License-Identifier: Apache-2.0
#pragma once
// All leaves at the same depth. Private to ipld: make_layout(). Equal to Kubo's importer/balanced.

#include <vector>

#include "file_node.hpp"

namespace accel::ipld::detail {

class BalancedLayout final : public FileLayout {
 public:
  explicit BalancedLayout(FileNodeMaker maker) : maker_(std::move(maker)), levels_(1) {}

  Status add_leaf(const Leaf& leaf) override { return push(0, node_of(leaf)); }
  Result<Built> finish(const UnixFsMeta& meta) override;

 private:
  Status push(std::size_t level, FileNode child);
  Result<FileNode> close(std::size_t level, const UnixFsMeta& meta = {});

  FileNodeMaker maker_;
  // levels_[0] holds leaves. A full level becomes a child of the next when one more comes: it may
  // be the root.
  std::vector<std::vector<FileNode>> levels_;
};

}  // namespace accel::ipld::detail
