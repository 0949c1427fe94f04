// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a pull wants, by the scheduler's numbering: nodes, and leaves with the places that they have
// in the open files. A leaf that several places need is wanted once. Private to exchange; lives on
// the executor of its session.

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accel/blockstore/partial_file.hpp"
#include "scheduler_types.hpp"
#include "source.hpp"
#include "tree_walk.hpp"

namespace accel::exchange {

// A file of several blocks that is being fetched. Pool jobs hold pointers to its partial.
struct OpenFile {
  ipld::Cid root;
  std::string path;         // Below the root of the pull.
  std::uint64_t order = 0;  // Earlier files first.
  std::uint64_t file_bytes = 0;
  std::uint64_t puts_needed = 0;  // Its nodes are in the store once so many puts are done.
  std::size_t missing = 0;        // Leaves.
  std::size_t jobs = 0;           // On the pool, that write to it.
  bool committing = false;
  std::unique_ptr<blockstore::PartialFile> partial;
};

struct LeafTarget {
  OpenFile* file = nullptr;
  std::size_t slot = 0;
  std::uint32_t bytes = 0;
};

struct WantInfo {
  ipld::Cid cid;
  bool is_node = false;
  std::uint32_t exact_bytes = 0;    // Of a raw leaf; else unknown.
  std::optional<FilePlace> place;   // In a file below the root; a leaf's first one.
  std::vector<LeafTarget> targets;  // Of a leaf: where it goes, once or several times.
};

class WantTable {
 public:
  // What to tell the scheduler of it.
  Want add_node(const NodeWant& node);
  // Nothing when the leaf is wanted already: it will be written there too.
  std::optional<Want> add_leaf(OpenFile& file, std::size_t slot);

  // nullptr once it was taken. Valid until it is.
  WantInfo* find(WantId id);
  WantInfo take(WantId id);
  bool contains(WantId id) const { return wants_.contains(id); }

 private:
  std::unordered_map<WantId, WantInfo> wants_;
  std::unordered_map<ipld::Cid, WantId> leaves_;
  WantId next_ = 0;
};

}  // namespace accel::exchange
