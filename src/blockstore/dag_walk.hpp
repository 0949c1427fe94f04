// SPDX-License-Identifier: Apache-2.0
#pragma once
// Visits each distinct block below a root once. Leaves are not read: raw ones have no links, and
// the index knows which dag-pb blocks are wrapped leaves. Whether a block has links is a matter of
// its CID's codec, not of its hash: a folder's bytes named by a raw CID are a leaf. Private to
// blockstore; used by pins, gc and verify. One thread a walk.

#include <functional>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include "block_reader.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

using HashSet = std::unordered_set<std::string>;  // Of multihashes.
std::string hash_key(const ipld::Multihash& hash);

// What walks have reached.
struct Reached {
  HashSet blocks;
  HashSet nodes;  // Those of them that were taken for dag-pb: what they link to is reached too.

  bool covers(const ipld::Cid& cid) const;  // The block, and what its CID makes of its links.
  void add(const Reached& other);
};

// How the walk asks the index: on its own, or inside a transaction.
using FindPlaces = std::function<Result<std::vector<FoundPlace>>(const ipld::Cid&)>;
FindPlaces find_in(const StoreCore& core);
FindPlaces find_in(const Txn& txn);

struct WalkOptions {
  bool allow_missing = false;  // Skips what is absent instead of failing.
  bool allow_damaged = false;  // Does not look below what cannot be read, instead of failing.
  std::stop_token stop = {};
};

class DagWalk {
 public:
  DagWalk(const StoreCore& core, FindPlaces find, WalkOptions options)
      : core_(core), find_(std::move(find)), options_(std::move(options)) {}

  // visit is called for each block that is there and was not visited by this object before, under
  // whatever CID.
  // Errors: not_found (names the block), corrupt, cancelled, visit's.
  using Visit = std::function<Status(const ipld::Cid&, const std::vector<FoundPlace>&)>;
  Status walk(const ipld::Cid& root, const Visit& visit);

  const Reached& reached() const { return reached_; }
  Reached take_reached() { return std::move(reached_); }

 private:
  Status step(const ipld::Cid& cid, const Visit& visit, std::vector<ipld::Cid>& stack);
  Status push_links(const ipld::Cid& cid, ByteView block, std::vector<ipld::Cid>& stack);

  const StoreCore& core_;
  FindPlaces find_;
  WalkOptions options_;
  Reached reached_;
};

}  // namespace accel::blockstore
