// SPDX-License-Identifier: Apache-2.0
#include "trickle_layout.hpp"

#include <utility>

namespace accel::ipld::detail {
namespace {

constexpr int kRepeats = 4;  // Subtrees of one depth before they grow deeper.

}  // namespace

Status TrickleLayout::add_leaf(const Leaf& leaf) {
  while (open_.back().children.size() >= maker_.profile().max_links) ACCEL_CHECK(descend());
  open_.back().children.push_back(node_of(leaf));
  return {};
}

Status TrickleLayout::descend() {
  Open* last = &open_.back();
  while (true) {
    if (last->repeated == kRepeats) {
      ++last->subtree;
      last->repeated = 0;
    }
    if (last->depth == 0 || last->subtree < last->depth) break;
    ACCEL_CHECK(close_last());
    last = &open_.back();
  }
  ++last->repeated;
  Open next;
  next.depth = last->subtree;
  open_.push_back(std::move(next));
  return {};
}

Status TrickleLayout::close_last() {
  ACCEL_TRY(FileNode node, maker_.make(std::move(open_.back().children)));
  open_.pop_back();
  open_.back().children.push_back(std::move(node));
  return {};
}

Result<Built> TrickleLayout::finish(const UnixFsMeta& meta) {
  while (open_.size() > 1) ACCEL_CHECK(close_last());
  ACCEL_TRY(const FileNode root, maker_.make(std::move(open_.back().children), meta));
  open_.assign(1, {});
  return Built{root.cid, root.file_bytes, root.dag_bytes};
}

}  // namespace accel::ipld::detail
