// SPDX-License-Identifier: Apache-2.0
#include "tree_walk.hpp"

#include <utility>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/hamt.hpp"

namespace accel::exchange {
namespace {

// What a dag-pb leaf's frame can add to its bytes: at most seven protobuf tags and lengths. A node
// with even one link is larger by its CID (34 bytes and more), so Tsize tells the two apart.
constexpr std::uint64_t kMaxLeafFrameBytes = 32;

// A dag-pb node with no more below it is mostly a small file in one block: most importers cut files
// there. Of a larger tree Tsize does not tell how large its top is.
constexpr std::uint64_t kSmallTreeBytes = (256U << 10U) + kMaxLeafFrameBytes;

// Whether a child of a file node is a leaf. A raw block always is; of a dag-pb one its Tsize tells.
// A maker that lies here is found out when the leaf is written.
bool is_leaf(const ipld::FileChild& child) {
  if (child.cid.codec() == ipld::Codec::raw) return true;
  return child.tsize >= child.length && child.tsize - child.length <= kMaxLeafFrameBytes;
}

}  // namespace

TreeWalk::TreeWalk(const ipld::Cid& root, WalkLimits limits, std::optional<std::string> only)
    : root_(root), limits_(limits), only_(std::move(only)) {
  nodes_[root].is_entry = true;
  wanted_.push_back({root, 0, {}, root.codec() == ipld::Codec::raw});
  open_nodes_ = 1;
}

std::vector<NodeWant> TreeWalk::take_nodes() { return std::exchange(wanted_, {}); }
std::vector<FilePlan> TreeWalk::take_files() { return std::exchange(planned_, {}); }

Status TreeWalk::on_node(const ipld::Cid& cid, ByteView block) {
  const auto found = nodes_.find(cid);
  if (found == nodes_.end() || found->second.known) {
    return fail(Errc::internal, "The node {} was not asked for.", cid);
  }
  ACCEL_TRY(auto view, ipld::decode_node(cid, block));
  ACCEL_CHECK(add_bytes(block.size()));
  Node& node = found->second;
  node.known = true;
  node.kind = view.kind;
  node.file_bytes = view.file_bytes;
  node.inline_bytes = view.inline_data.size();
  node.children = std::move(view.children);
  --open_nodes_;
  const std::vector<FileId> waiting = std::exchange(node.waiting, {});
  // From here on nodes_ may grow; references into it stay valid (unordered_map).
  if (node.is_entry) ACCEL_CHECK(read_entry(cid, node));
  if (node.is_entry || node.is_shard) ACCEL_CHECK(read_folder(cid, block, view));
  for (const FileId file : waiting) {
    --files_in_work_[file].missing;
    ACCEL_CHECK(visit(file, cid));
  }
  return {};
}

// What a folder or a part of one leads to; nothing for the other kinds.
Status TreeWalk::read_folder(const ipld::Cid& cid, ByteView block, const ipld::NodeView& view) {
  const Node& node = nodes_.at(cid);
  for (const auto& entry : view.entries) ACCEL_CHECK(want_entry(entry, node));
  if (node.is_shard && view.kind != ipld::NodeKind::hamt) {
    return fail(Errc::corrupt, "The block {} is a {} in the middle of a sharded folder.", cid,
                ipld::node_kind_name(view.kind));
  }
  if (view.kind != ipld::NodeKind::hamt) return {};
  ACCEL_TRY(const auto shard, ipld::decode_hamt_shard(cid, block));
  for (const ipld::HamtSlot& slot : shard.slots) {
    ACCEL_CHECK(slot.is_shard ? want_shard(slot.entry, node) : want_entry(slot.entry, node));
  }
  return {};
}

// path: of an entry.
Status TreeWalk::want(const ipld::Cid& cid, std::uint64_t tsize, std::uint32_t depth,
                      const std::string* path) {
  const auto [place, inserted] = nodes_.try_emplace(cid);
  if (!inserted) return {};
  if (nodes_.size() > limits_.max_nodes) {
    return fail(Errc::resource_exhausted, "The DAG has more than {} nodes, the limit of a pull.",
                limits_.max_nodes);
  }
  if (depth > ipld::kMaxDagDepth) {
    return fail(Errc::resource_exhausted, "The node {} lies {} levels deep; at most {} are read.",
                cid, depth, ipld::kMaxDagDepth);
  }
  place->second.depth = depth;
  const bool is_raw = cid.codec() == ipld::Codec::raw;
  NodeWant& wanted = wanted_.emplace_back();
  wanted.cid = cid;
  if (tsize <= (is_raw ? ipld::kMaxBlockBytes : kSmallTreeBytes)) {
    wanted.bytes_guess = static_cast<std::uint32_t>(tsize);
  }
  if (path != nullptr) {
    wanted.path = *path;
    wanted.is_file = is_raw;
  }
  ++open_nodes_;
  return {};
}

bool TreeWalk::leads_there(const std::string& path) const {
  return !only_ || *only_ == path || only_->starts_with(path + "/");
}

Status TreeWalk::want_entry(const ipld::DirectoryEntry& entry, const Node& folder) {
  const ipld::Cid& cid = entry.cid;
  const std::string path = folder.path.empty() ? entry.name : folder.path + "/" + entry.name;
  if (!leads_there(path)) return {};
  ACCEL_CHECK(want(cid, entry.tsize, folder.depth + 1, &path));
  Node& node = nodes_.at(cid);
  if (std::exchange(node.is_entry, true)) return {};
  node.path = path;
  if (!node.known) return {};
  // Its entries were not asked for then; those of a shard were.
  const bool is_folder = node.kind == ipld::NodeKind::directory ||
                         (node.kind == ipld::NodeKind::hamt && !node.is_shard);
  if (is_folder) return fail(Errc::corrupt, "The folder {} is also part of a file.", cid);
  return read_entry(cid, node);
}

Status TreeWalk::want_shard(const ipld::DirectoryEntry& shard, const Node& folder) {
  const ipld::Cid& cid = shard.cid;
  ACCEL_CHECK(want(cid, shard.tsize, folder.depth + 1));
  Node& node = nodes_.at(cid);
  const bool was_read = node.is_entry || node.is_shard;
  node.is_shard = true;
  if (!node.is_entry) node.path = folder.path;  // Its entries are the folder's.
  if (!node.known || (was_read && node.kind == ipld::NodeKind::hamt)) return {};
  return fail(Errc::corrupt, "The block {} of a sharded folder is also something else.", cid);
}

Status TreeWalk::read_entry(const ipld::Cid& cid, const Node& node) {
  switch (node.kind) {
    case ipld::NodeKind::hamt:
    case ipld::NodeKind::directory:
    case ipld::NodeKind::symlink:
      if (!only_ || *only_ != node.path) return {};
      return fail(Errc::invalid_argument, "{}{}{} is a {}; a part can be had of a file only.",
                  root_, node.path.empty() ? "" : "/", node.path, ipld::node_kind_name(node.kind));
    case ipld::NodeKind::raw:
    case ipld::NodeKind::file:
      break;
  }
  if (only_ && *only_ != node.path) return {};  // A file where a folder should be.
  ++files_;
  return node.children.empty() ? Status{} : start_file(cid, node);
}

Status TreeWalk::start_file(const ipld::Cid& root, const Node& node) {
  ACCEL_CHECK(add_bytes(node.file_bytes));
  files_in_work_.push_back({root, 0, {root}});
  return visit(files_in_work_.size() - 1, root);
}

// Looks at the inner nodes below `from`; what has not come yet is asked for. The last one to come
// completes the plan.
Status TreeWalk::visit(FileId id, const ipld::Cid& from) {
  File& file = files_in_work_[id];
  std::vector<const Node*> open{&nodes_.at(from)};
  while (!open.empty()) {
    const Node& node = *open.back();
    open.pop_back();
    for (const auto& child : node.children) {
      if (is_leaf(child) || !file.seen.insert(child.cid).second) continue;
      ACCEL_CHECK(want(child.cid, child.tsize, node.depth + 1));
      Node& below = nodes_.at(child.cid);
      if (below.known) {
        open.push_back(&below);
      } else {
        below.waiting.push_back(id);
        ++file.missing;
      }
    }
  }
  return file.missing == 0 ? plan(file) : Status{};
}

Status TreeWalk::plan(File& file) {
  struct Place {
    const Node* node;
    std::size_t next;
    std::uint64_t offset;
  };
  const Node& root = nodes_.at(file.root);
  FilePlan plan{file.root, root.file_bytes, root.path, {}};
  std::vector<Place> path{{&root, 0, 0}};
  while (!path.empty()) {
    Place& here = path.back();
    if (here.next == 0 && here.node->inline_bytes > 0) {
      return fail(Errc::unsupported, "The file {} keeps bytes in an inner node; nobody should.",
                  file.root);
    }
    if (here.next == here.node->children.size()) {
      path.pop_back();
      continue;
    }
    const ipld::FileChild& child = here.node->children[here.next++];
    const std::uint64_t offset = here.offset + child.offset;
    const auto below = is_leaf(child) ? nodes_.end() : nodes_.find(child.cid);
    if (below == nodes_.end()) {
      ACCEL_CHECK(add_leaf(plan, child, offset));
      continue;
    }
    const Node& node = below->second;
    const ipld::NodeView view{.kind = node.kind, .file_bytes = node.file_bytes};
    ACCEL_CHECK(ipld::check_child(child, view));
    if (node.children.empty()) {
      ACCEL_CHECK(add_leaf(plan, child, offset));
    } else if (path.size() >= ipld::kMaxDagDepth) {
      return fail(Errc::resource_exhausted, "The file {} has more than {} levels of nodes.",
                  file.root, ipld::kMaxDagDepth);
    } else {
      path.push_back({&node, 0, offset});
    }
  }
  file.seen.clear();
  planned_.push_back(std::move(plan));
  return {};
}

Status TreeWalk::add_leaf(FilePlan& plan, const ipld::FileChild& child, std::uint64_t offset) {
  if (child.length > ipld::kMaxBlockBytes) {
    return fail(Errc::corrupt, "The leaf {} is said to hold {} bytes; no block holds more than {}.",
                child.cid, child.length, ipld::kMaxBlockBytes);
  }
  if (++leaves_ > limits_.max_leaves) {
    return fail(Errc::resource_exhausted, "The DAG has more than {} leaves, the limit of a pull.",
                limits_.max_leaves);
  }
  plan.leaves.push_back({child.cid, offset, static_cast<std::uint32_t>(child.length)});
  return {};
}

Status TreeWalk::add_bytes(std::uint64_t bytes) {
  if (bytes > limits_.max_total_bytes - total_bytes_) {
    return fail(Errc::resource_exhausted, "The DAG claims more than {}, the limit of a pull.",
                human_bytes(limits_.max_total_bytes));
  }
  total_bytes_ += bytes;
  return {};
}

}  // namespace accel::exchange
