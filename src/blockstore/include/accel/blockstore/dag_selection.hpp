// SPDX-License-Identifier: Apache-2.0
#pragma once
// The blocks that stand for a path and what lies at its end, depth first: what a CAR of it holds.
// Used by the gateway (answers as CAR) and by `dag export`. A cursor is used by one thread at a
// time; it borrows the Store. No lease is taken: what gc frees meanwhile ends the walk with
// not_found. Spec: ipfs/specs src/http-gateways/trustless-gateway.md (dag-scope, entity-bytes,
// order=dfs, dups).

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accel/blockstore/reports.hpp"
#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::blockstore {

class Store;

enum class DagScope : std::uint8_t {
  block,   // The last block alone.
  entity,  // A file whole, a folder without what is in it (all its shards), else the block.
  all,     // Everything below.
};

// Bytes of a file, both ends included; negative numbers count from its end.
struct EntityBytes {
  std::int64_t from = 0;
  std::optional<std::int64_t> to = {};  // Nothing: the end.
  bool operator==(const EntityBytes&) const = default;
};

struct DagSelection {
  ipld::Cid root = {};
  std::vector<std::string> path = {};  // Blocks on the way come first.
  DagScope scope = DagScope::all;
  std::optional<EntityBytes> bytes = {};  // With scope entity, of a file; ignored elsewhere.
  bool duplicates = false;                // A block comes as often as it is met.
  bool public_only = false;               // What is_private() hides counts as absent.
};

struct SelectedBlock {
  ipld::Cid cid{};
  std::optional<Bytes> bytes{};  // Nothing: the walk had no need to read it, and it may be absent.
};

class DagCursor {
 public:
  // Follows the path. Errors: as Store::resolve_path(); not_found and corrupt for the block at its
  // end.
  static Result<DagCursor> open(const Store& store, DagSelection selection);

  const ResolvedPath& end() const { return end_; }
  // The next block; nothing at the end. Blocks with identity CIDs are never given.
  // Errors: not_found, corrupt, resource_exhausted (kMaxPending).
  Result<std::optional<SelectedBlock>> next();

  static constexpr std::size_t kMaxPending = 1U << 19U;  // Links that wait: some 60 MB.

 private:
  enum class Walk : std::uint8_t { block, dag, file, shard };
  struct Pending {
    ipld::Cid cid{};
    Walk walk = Walk::block;
    std::uint8_t depth = 0;    // Of files and shards.
    std::uint64_t offset = 0;  // Of a file's node: where its bytes begin,
    std::uint64_t length = 0;  // and how many its parent promised.
  };
  // Blocks are told apart by 128 bits of their digest: one that forges those harms its own DAG.
  struct Key {
    std::uint64_t first = 0, second = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return key.first ^ (key.second * 31); }
  };

  DagCursor(const Store& store, DagSelection selection, ResolvedPath end);
  Status begin();
  Status begin_entity(const Bytes& block);
  Status begin_inside_block();
  Status check_shown(const ipld::Cid& cid) const;
  Status expand(const Pending& at, const Bytes& block);
  Status expand_file(const Pending& at, const Bytes& block);
  Status expand_shard(const Pending& at, const Bytes& block);
  Status push_reversed(std::vector<Pending> children);
  bool is_cut(const Pending& at) const;
  static Key key_of(const ipld::Cid& cid);

  const Store* store_;
  DagSelection selection_;
  ResolvedPath end_;
  std::vector<Pending> stack_;
  // What was given, and whether all below it was, too.
  std::unordered_map<Key, bool, KeyHash> seen_;
  std::uint64_t begin_ = 0;  // Bytes of the file that are wanted.
  std::uint64_t end_byte_ = UINT64_MAX;
};

}  // namespace accel::blockstore
