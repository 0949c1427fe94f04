// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds out which blocks make up a DAG, from its root down: which nodes to bring, and for each file
// of several blocks the plan of its leaves. Pure: it is given verified blocks and asks for others.
// Hostile DAGs are bounded by WalkLimits: claimed sizes, shared nodes that unfold without end,
// depth. Used by the shell of the fetcher only. Not thread-safe. Spec: ipfs/specs src/unixfs.md.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accel/blockstore/reports.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/node_view.hpp"

namespace accel::exchange {

struct WalkLimits {
  std::uint64_t max_total_bytes = 1ULL << 42U;
  std::uint32_t max_leaves = 2U << 20U;
  std::uint32_t max_nodes = 1U << 20U;
};

// A block to bring whole: a folder, a file's inner node, a link, or a file of one block.
struct NodeWant {
  ipld::Cid cid;
  std::uint32_t bytes_guess = 0;  // From the Tsize above it; 0 when that says nothing.
  // Of an entry: where it lies below the root, by the first way that was found ("" is the root).
  std::string path{};
  bool is_file = false;  // It is a whole file: a raw block, and an entry.
};

// A file of several blocks whose inner nodes have all been read.
struct FilePlan {
  ipld::Cid root;
  std::uint64_t file_bytes = 0;
  std::string path;                          // Below the root; empty when it is the root.
  std::vector<blockstore::LeafSlot> leaves;  // In file order, without gaps.
};

class TreeWalk {
 public:
  // only: the path of one file; nothing beside the way there is asked for.
  explicit TreeWalk(const ipld::Cid& root, WalkLimits limits = {},
                    std::optional<std::string> only = std::nullopt);

  // What has become known since the last call; each node and each file once.
  std::vector<NodeWant> take_nodes();
  std::vector<FilePlan> take_files();

  // A node that was asked for; the block has been verified. Errors: corrupt (it contradicts itself
  // or the node above), unsupported (other codecs, file bytes in inner nodes), invalid_argument (a
  // folder lies where one file is wanted), resource_exhausted (a limit). After an error the walk is
  // over.
  Status on_node(const ipld::Cid& cid, ByteView block);

  // Every node that was asked for has come, so every file has been planned.
  bool done() const { return open_nodes_ == 0; }
  // Node blocks read so far and the bytes of every file whose root was read.
  std::uint64_t total_bytes() const { return total_bytes_; }
  std::uint64_t files() const { return files_; }

 private:
  using FileId = std::size_t;
  struct Node {
    bool known = false;
    bool is_entry = false;  // The root, or named by a folder.
    bool is_shard = false;  // Part of a sharded folder, below its root.
    std::uint32_t depth = 0;
    std::string path;  // Of an entry.
    ipld::NodeKind kind = ipld::NodeKind::raw;
    std::uint64_t file_bytes = 0;
    std::uint64_t inline_bytes = 0;
    std::vector<ipld::FileChild> children;
    std::vector<FileId> waiting;  // Files whose plan needs this node.
  };
  struct File {
    ipld::Cid root;
    std::size_t missing = 0;  // Nodes that have not come yet.
    std::unordered_set<ipld::Cid> seen;
  };

  Status want(const ipld::Cid& cid, std::uint64_t tsize, std::uint32_t depth,
              const std::string* path = nullptr);
  Status want_entry(const ipld::DirectoryEntry& entry, const Node& folder);
  Status want_shard(const ipld::DirectoryEntry& shard, const Node& folder);
  Status read_folder(const ipld::Cid& cid, ByteView block, const ipld::NodeView& view);
  Status read_entry(const ipld::Cid& cid, const Node& node);
  Status start_file(const ipld::Cid& root, const Node& node);
  Status visit(FileId file, const ipld::Cid& from);
  Status plan(File& file);
  Status add_leaf(FilePlan& plan, const ipld::FileChild& child, std::uint64_t offset);
  Status add_bytes(std::uint64_t bytes);

  bool leads_there(const std::string& path) const;

  ipld::Cid root_;
  WalkLimits limits_;
  std::optional<std::string> only_;
  std::unordered_map<ipld::Cid, Node> nodes_;
  std::vector<File> files_in_work_;
  std::vector<NodeWant> wanted_;
  std::vector<FilePlan> planned_;
  std::size_t open_nodes_ = 0;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t leaves_ = 0;
  std::uint64_t files_ = 0;
};

}  // namespace accel::exchange
