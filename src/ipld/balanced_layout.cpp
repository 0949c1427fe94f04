// SPDX-License-Identifier: Apache-2.0
#include "balanced_layout.hpp"

#include <utility>

namespace accel::ipld::detail {

Status BalancedLayout::push(std::size_t level, FileNode child) {
  if (level == levels_.size()) levels_.emplace_back();
  if (levels_[level].size() == maker_.profile().max_links) {
    ACCEL_TRY(FileNode full, close(level));
    ACCEL_CHECK(push(level + 1, std::move(full)));
  }
  levels_[level].push_back(std::move(child));
  return {};
}

Result<FileNode> BalancedLayout::close(std::size_t level, const UnixFsMeta& meta) {
  return maker_.make(std::exchange(levels_[level], {}), meta);
}

Result<Built> BalancedLayout::finish(const UnixFsMeta& meta) {
  if (levels_.size() == 1 && levels_[0].empty()) {
    ACCEL_TRY(FileNode empty, maker_.make_empty_leaf(meta));
    levels_[0].push_back(std::move(empty));
  }
  // The right edge: every level below the top becomes one last, perhaps narrow, node of the next.
  for (std::size_t level = 0;; ++level) {
    const bool top = level + 1 == levels_.size();
    if (top && levels_[level].size() == 1) break;
    ACCEL_TRY(FileNode child, close(level, top ? meta : UnixFsMeta{}));
    ACCEL_CHECK(push(level + 1, std::move(child)));
  }
  const FileNode root = levels_.back().front();
  levels_.assign(1, {});
  return Built{root.cid, root.file_bytes, root.dag_bytes};
}

}  // namespace accel::ipld::detail
