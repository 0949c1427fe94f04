// SPDX-License-Identifier: Apache-2.0
#pragma once
// Visits each distinct block below a root once, depth first in the order of the links, through
// every codec that has links. Leaves are not read: raw ones have no links, and the index knows
// which dag-pb blocks are wrapped leaves. Whether a block has links is a matter of its CID's codec,
// not of its hash: a folder's bytes named by a raw CID are a leaf. Memory: a key for each block and
// the links that are open; never the depth of the DAG. Private to blockstore; used by pins, gc,
// verify and the dag commands. One thread a walk.

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
std::string cid_key(const ipld::Cid& cid);  // Of its version 1.
// The multihash in a key of a CID. Errors: none for keys that cid_key() made.
Result<std::string> hash_of_cid_key(const std::string& key);

// What walks have reached.
struct Reached {
  HashSet blocks;
  HashSet nodes;  // CIDs (version 1) whose links were followed: what they link to is reached too.

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
  bool by_cid = false;         // A block that has several CIDs is visited under each of them.
  std::stop_token stop = {};
};

// A block on the way. Borrowed for the call.
struct Visited {
  const ipld::Cid& cid;
  const std::vector<FoundPlace>& places;
  const Bytes* block;  // Of nodes; null for leaves, and for what cannot be read.

  std::uint64_t bytes() const { return places.front().place.block_bytes; }
};

class DagWalk {
 public:
  DagWalk(const StoreCore& core, FindPlaces find, WalkOptions options)
      : core_(core), find_(std::move(find)), options_(std::move(options)) {}

  // visit is called for each block that is there and was not visited by this object before, under
  // whatever CID (but see by_cid). Identity CIDs are not visited, what they link to is.
  // Errors: not_found (names the block), corrupt, cancelled, visit's.
  using Visit = std::function<Status(const Visited&)>;
  Status walk(const ipld::Cid& root, const Visit& visit);

  // The block alone, whatever it links to. Errors: as walk().
  Status visit_one(const ipld::Cid& cid, const Visit& visit);

  const Reached& reached() const { return reached_; }
  Reached take_reached() { return std::move(reached_); }

 private:
  using Stack = std::vector<ipld::Cid>;
  Status step(const ipld::Cid& cid, const Visit& visit, Stack& stack);
  Status follow(const ipld::Cid& cid, ByteView block, Stack& stack) const;
  Result<Bytes> read_node(const ipld::Cid& cid, std::vector<FoundPlace>& places) const;
  bool was_visited(const ipld::Cid& cid) const;
  bool mark(const ipld::Cid& cid);

  const StoreCore& core_;
  FindPlaces find_;
  WalkOptions options_;
  Reached reached_;
};

}  // namespace accel::blockstore
