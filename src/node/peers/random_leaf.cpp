// SPDX-License-Identifier: Apache-2.0
#include "peers/random_leaf.hpp"

#include <algorithm>

#include "accel/ipld/hamt.hpp"
#include "accel/ipld/node_view.hpp"

namespace accel::node {
namespace {

constexpr int kTries = 8;

struct Child {
  ipld::Cid cid;
  std::uint64_t weight = 1;
};

Result<std::vector<Child>> children_of(const ipld::Cid& cid, ByteView block) {
  std::vector<Child> children;
  const auto add = [&](const ipld::Cid& child, std::uint64_t bytes) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 42U;  // Tsize is the maker's word.
    children.push_back({child, std::clamp<std::uint64_t>(bytes, 1, kMost)});
  };
  ACCEL_TRY(const auto view, ipld::decode_node(cid, block));
  for (const auto& child : view.children) add(child.cid, child.length);
  for (const auto& entry : view.entries) add(entry.cid, entry.tsize);
  if (view.kind == ipld::NodeKind::hamt) {
    ACCEL_TRY(const auto shard, ipld::decode_hamt_shard(cid, block));
    for (const ipld::HamtSlot& slot : shard.slots) add(slot.entry.cid, slot.entry.tsize);
  }
  return children;
}

const Child& draw(const std::vector<Child>& children, Random& random) {
  std::uint64_t all = 0;
  for (const Child& child : children) all += child.weight;
  std::uint64_t at = random.below(all);
  for (const Child& child : children) {
    if (at < child.weight) return child;
    at -= child.weight;
  }
  return children.back();
}

Result<ipld::Cid> descend(const blockstore::Store& store, ipld::Cid at, Random& random) {
  for (std::size_t depth = 0; depth < ipld::kMaxDagDepth; ++depth) {
    if (at.codec() == ipld::Codec::raw) return at;
    ACCEL_TRY(const Bytes block, store.get(at));
    ACCEL_TRY(const auto children, children_of(at, block));
    if (children.empty()) return at;
    at = draw(children, random).cid;
  }
  return at;
}

}  // namespace

Result<ipld::Cid> random_leaf(const blockstore::Store& store, const ipld::Cid& root,
                              Random& random) {
  for (int i = 0; i < kTries; ++i) {
    ACCEL_TRY(const ipld::Cid leaf, descend(store, root, random));
    if (!leaf.is_identity()) return leaf;
  }
  return fail(Errc::not_found, "{} has no leaf outside of its nodes.", root);
}

}  // namespace accel::node
