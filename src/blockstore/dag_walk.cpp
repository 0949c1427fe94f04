// SPDX-License-Identifier: Apache-2.0
#include "dag_walk.hpp"

#include <algorithm>

#include "accel/ipld/dag_pb.hpp"

namespace accel::blockstore {
namespace {

constexpr int kMaxTries = 4;  // gc may move a block between the look-up and the read.

bool is_leaf(const ipld::Cid& cid, const std::vector<FoundPlace>& places) {
  return cid.codec() != ipld::Codec::dag_pb ||
         std::any_of(places.begin(), places.end(), [](const FoundPlace& found) {
           return found.place.kind == PlaceKind::wrapped;
         });
}

}  // namespace

std::string hash_key(const ipld::Multihash& hash) { return std::string(as_text(hash.bytes())); }

bool Reached::covers(const ipld::Cid& cid) const {
  return (cid.codec() == ipld::Codec::dag_pb ? nodes : blocks).contains(hash_key(cid.hash()));
}

void Reached::add(const Reached& other) {
  blocks.insert(other.blocks.begin(), other.blocks.end());
  nodes.insert(other.nodes.begin(), other.nodes.end());
}

FindPlaces find_in(const StoreCore& core) {
  return [&core](const ipld::Cid& cid) { return find_places(core, cid); };
}

FindPlaces find_in(const Txn& txn) {
  return [&txn](const ipld::Cid& cid) { return find_places(txn, cid); };
}

Status DagWalk::walk(const ipld::Cid& root, const Visit& visit) {
  std::vector<ipld::Cid> stack{root};
  while (!stack.empty()) {
    if (options_.stop.stop_requested()) return fail(Errc::cancelled, "Stopped on request.");
    const ipld::Cid cid = std::move(stack.back());
    stack.pop_back();
    if (cid.is_identity()) {
      ACCEL_CHECK(push_links(cid, cid.hash().digest(), stack));
    } else if (!reached_.covers(cid)) {
      ACCEL_CHECK(step(cid, visit, stack));
    }
  }
  return {};
}

Status DagWalk::step(const ipld::Cid& cid, const Visit& visit, std::vector<ipld::Cid>& stack) {
  ACCEL_TRY(auto places, find_(cid));
  if (places.empty()) {
    if (options_.allow_missing) return {};
    return no_block(core_, cid);
  }
  const bool is_new = reached_.blocks.insert(hash_key(cid.hash())).second;
  if (cid.codec() == ipld::Codec::dag_pb) reached_.nodes.insert(hash_key(cid.hash()));
  if (is_leaf(cid, places)) return is_new ? visit(cid, places) : Status{};
  Result<Bytes> block = read_any_place(core_, cid, places);
  for (int i = 0; !block && block.error().code == Errc::not_found && i < kMaxTries; ++i) {
    ACCEL_TRY(places, find_(cid));
    block = read_any_place(core_, cid, places);
  }
  if (is_new) ACCEL_CHECK(visit(cid, places));
  if (!block) {
    if (options_.allow_damaged) return {};
    return fail(std::move(block).error());
  }
  return push_links(cid, *block, stack);
}

// A node inside its CID is no block of the store, but what it links to may be.
Status DagWalk::push_links(const ipld::Cid& cid, ByteView block, std::vector<ipld::Cid>& stack) {
  if (cid.codec() != ipld::Codec::dag_pb) return {};
  const auto node = ipld::decode_pb(block);
  if (!node && options_.allow_damaged) return {};
  if (!node) return fail(node.error());
  for (auto link = node->links.rbegin(); link != node->links.rend(); ++link) {
    stack.push_back(link->cid);
  }
  return {};
}

}  // namespace accel::blockstore
