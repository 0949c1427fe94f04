// SPDX-License-Identifier: Apache-2.0
#pragma once
// Visits each distinct block below a root once. Leaves are not read: raw ones have no links, and
// the index knows which dag-pb blocks are wrapped leaves. Private to blockstore; used by pins, gc
// and verify. One thread a walk.

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

  // visit is called for each block that is there and was not visited by this object before.
  // Errors: not_found (names the block), corrupt, cancelled, visit's.
  using Visit = std::function<Status(const ipld::Cid&, const std::vector<FoundPlace>&)>;
  Status walk(const ipld::Cid& root, const Visit& visit);

  const HashSet& visited() const { return visited_; }
  HashSet take_visited() { return std::move(visited_); }

 private:
  Status step(const ipld::Cid& cid, const Visit& visit, std::vector<ipld::Cid>& stack);

  const StoreCore& core_;
  FindPlaces find_;
  WalkOptions options_;
  HashSet visited_;
};

}  // namespace accel::blockstore
