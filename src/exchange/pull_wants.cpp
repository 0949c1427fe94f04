// SPDX-License-Identifier: Apache-2.0
#include "pull_wants.hpp"

#include <utility>

namespace accel::exchange {

Want WantTable::add_node(const NodeWant& node) {
  WantInfo info;
  info.cid = node.cid;
  info.is_node = true;
  if (node.is_file) info.place = FilePlace{node.path, 0, 0, 0};
  wants_.emplace(next_++, std::move(info));
  return {node.cid, node.bytes_guess, 0, node.is_file};
}

std::optional<Want> WantTable::add_leaf(OpenFile& file, std::size_t slot) {
  const blockstore::LeafSlot& leaf = file.partial->slots()[slot];
  const auto [known, is_new] = leaves_.emplace(leaf.cid, next_);
  if (is_new) {
    WantInfo info;
    info.cid = leaf.cid;
    info.exact_bytes = leaf.cid.codec() == ipld::Codec::raw ? leaf.length : 0;
    info.place = FilePlace{file.path, leaf.offset, leaf.length, file.file_bytes};
    wants_.emplace(next_++, std::move(info));
  }
  wants_.at(known->second).targets.push_back({&file, slot, leaf.length});
  ++file.missing;
  if (!is_new) return std::nullopt;
  return Want{leaf.cid, leaf.length, file.order, true};
}

WantInfo* WantTable::find(WantId id) {
  const auto found = wants_.find(id);
  return found == wants_.end() ? nullptr : &found->second;
}

WantInfo WantTable::take(WantId id) {
  const auto found = wants_.find(id);
  WantInfo info = std::move(found->second);
  wants_.erase(found);
  if (!info.is_node) leaves_.erase(info.cid);
  return info;
}

}  // namespace accel::exchange
