// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a reader needs to know of one block: file bytes, children with their places, entries, or a
// link target. Used by blockstore (read, list, export), exchange (planning a pull) and gateway.
// Pure functions over bytes; nothing in a view has been verified against anything but its own
// block: call verify_block() first. Spec: ipfs/specs src/unixfs.md.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/directory.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::ipld {

// Levels of nodes below a root that readers follow: 174 or 1024 links a node fill any file
// within 8.
inline constexpr std::size_t kMaxDagDepth = 32;

enum class NodeKind : std::uint8_t { raw, file, directory, symlink, hamt };
std::string_view node_kind_name(NodeKind kind);

// A part of a file that lies in another block.
struct FileChild {
  Cid cid{};
  std::uint64_t offset = 0;  // From the start of this node's bytes.
  std::uint64_t length = 0;  // In file bytes; never 0.
  std::uint64_t tsize = 0;   // The maker's word; 0 if it gave none.
};

// Owns its fields except inline_data, which borrows from the block that was decoded.
struct NodeView {
  NodeKind kind = NodeKind::raw;
  // raw, file: bytes of file below this node, inline_data included.
  std::uint64_t file_bytes = 0;
  // raw, file: bytes that lie in this block; they come before all children.
  ByteView inline_data{};
  std::vector<FileChild> children{};  // file: in file order.
  // directory: as they stand in the block; names are checked and differ.
  std::vector<DirectoryEntry> entries{};
  std::string symlink_target{};  // symlink: not resolved, not checked against anything.
  UnixFsMeta meta{};             // All kinds but raw; of a file only its root has any.

  bool is_file() const { return kind == NodeKind::raw || kind == NodeKind::file; }
  const DirectoryEntry* find(std::string_view name) const;  // Borrows; nullptr if there is none.
};

// Errors: corrupt (not what the codec says; sizes that do not add up; a bad or repeated entry
// name), unsupported (a codec other than raw and dag-pb, dag-pb that is no UnixFS, metadata nodes),
// resource_exhausted (a block above kMaxBlockBytes). Sharded directories give kind hamt and no
// entries: hamt.hpp reads them.
Result<NodeView> decode_node(const Cid& cid, ByteView block);

// A parent says how many bytes lie below a child; a reader that has the child checks it with this.
// Errors: corrupt (naming the child: it is no file, or has another length).
Status check_child(const FileChild& child, const NodeView& view);

}  // namespace accel::ipld
