// SPDX-License-Identifier: Apache-2.0
#include "dag_walk.hpp"

#include <algorithm>
#include <iterator>

#include "accel/ipld/codec.hpp"

namespace accel::blockstore {
namespace {

constexpr int kMaxTries = 4;  // gc may move a block between the look-up and the read.

bool has_links(ipld::Codec codec) {
  return codec == ipld::Codec::dag_pb || codec == ipld::Codec::dag_cbor ||
         codec == ipld::Codec::dag_json;
}

bool is_leaf(const ipld::Cid& cid, const std::vector<FoundPlace>& places) {
  return !has_links(cid.codec()) ||
         std::any_of(places.begin(), places.end(), [](const FoundPlace& found) {
           return found.place.kind == PlaceKind::wrapped;
         });
}

}  // namespace

std::string hash_key(const ipld::Multihash& hash) { return std::string(as_text(hash.bytes())); }

std::string cid_key(const ipld::Cid& cid) { return std::string(as_text(cid.as_v1().bytes())); }

Result<std::string> hash_of_cid_key(const std::string& key) {
  ACCEL_TRY(const ipld::Cid cid, ipld::Cid::from_bytes(as_bytes(key)));
  return hash_key(cid.hash());
}

bool Reached::covers(const ipld::Cid& cid) const {
  return has_links(cid.codec()) ? nodes.contains(cid_key(cid))
                                : blocks.contains(hash_key(cid.hash()));
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
  Stack stack{root};
  while (!stack.empty()) {
    if (options_.stop.stop_requested()) return fail(Errc::cancelled, "Stopped on request.");
    const ipld::Cid cid = std::move(stack.back());
    stack.pop_back();
    if (was_visited(cid)) continue;
    ACCEL_CHECK(step(cid, visit, stack));
  }
  return {};
}

Status DagWalk::visit_one(const ipld::Cid& cid, const Visit& visit) {
  if (cid.is_identity()) return {};
  ACCEL_TRY(const auto places, find_(cid));
  if (places.empty()) {
    if (options_.allow_missing) return {};
    return no_block(core_, cid);
  }
  const bool is_new = reached_.blocks.insert(hash_key(cid.hash())).second;
  return is_new ? visit({cid, places, nullptr}) : Status{};
}

bool DagWalk::was_visited(const ipld::Cid& cid) const {
  return options_.by_cid ? reached_.nodes.contains(cid_key(cid)) : reached_.covers(cid);
}

// Says whether the block is to be visited.
bool DagWalk::mark(const ipld::Cid& cid) {
  const bool new_block = reached_.blocks.insert(hash_key(cid.hash())).second;
  if (!has_links(cid.codec()) && !options_.by_cid) return new_block;
  const bool new_cid = reached_.nodes.insert(cid_key(cid)).second;
  return options_.by_cid ? new_cid : new_block;
}

Result<Bytes> DagWalk::read_node(const ipld::Cid& cid, std::vector<FoundPlace>& places) const {
  Result<Bytes> block = read_any_place(core_, cid, places);
  for (int i = 0; !block && block.error().code == Errc::not_found && i < kMaxTries; ++i) {
    ACCEL_TRY(places, find_(cid));
    block = read_any_place(core_, cid, places);
  }
  return block;
}

Status DagWalk::follow(const ipld::Cid& cid, ByteView block, Stack& stack) const {
  auto links = ipld::links_of(cid, block);
  if (!links && options_.allow_damaged) return {};
  if (!links) return fail(std::move(links).error());
  stack.insert(stack.end(), std::make_move_iterator(links->rbegin()),
               std::make_move_iterator(links->rend()));
  return {};
}

Status DagWalk::step(const ipld::Cid& cid, const Visit& visit, Stack& stack) {
  if (cid.is_identity()) {
    if (!has_links(cid.codec())) return {};
    reached_.nodes.insert(cid_key(cid));
    return follow(cid, cid.hash().digest(), stack);
  }
  ACCEL_TRY(auto places, find_(cid));
  if (places.empty()) {
    if (options_.allow_missing) return {};
    return no_block(core_, cid);
  }
  const bool is_new = mark(cid);
  if (is_leaf(cid, places)) return is_new ? visit({cid, places, nullptr}) : Status{};
  Result<Bytes> block = read_node(cid, places);
  if (is_new) ACCEL_CHECK(visit({cid, places, block ? &*block : nullptr}));
  if (!block) {
    if (options_.allow_damaged) return {};
    return fail(std::move(block).error());
  }
  return follow(cid, *block, stack);
}

}  // namespace accel::blockstore
