// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the store's calls give back. Plain values. Used by exchange, gateway, node and bench.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/file.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/node_view.hpp"

namespace accel::blockstore {

// Where a block's bytes lie: a slice of an owned file or of a pack, fit for sendfile. The open
// descriptor keeps the bytes readable even when gc frees the block meanwhile.
struct BlockPlace {
  UniqueFd fd;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool referenced = false;  // Always false today: referenced files are only read through get().
};

struct AddedRoot {
  ipld::Cid cid;
  std::uint64_t bytes = 0;  // Of file content.
  std::uint64_t files = 0;
  std::uint64_t links_out = 0;  // Symbolic links to something outside the folder.
};

// A leaf of a file that is being fetched, and its place there.
struct LeafSlot {
  ipld::Cid cid;
  std::uint64_t offset = 0;  // In the file.
  std::uint32_t length = 0;  // File bytes in this leaf (for a wrapped leaf: without its frame).
};

struct DirEntry {
  std::string name;
  ipld::Cid cid;
  std::uint64_t bytes = 0;  // File bytes; of a folder or an absent block the maker's count.
  ipld::NodeKind kind = ipld::NodeKind::raw;
  bool present = true;  // Its own block is in the store; without it the kind is a guess by codec.
};

struct PinInfo {
  ipld::Cid cid;
  std::string name;
  bool is_private = false;
  std::uint64_t bytes = 0;  // Of the blocks below, as they were counted when it was pinned.
  WallTime added;
  bool direct = false;  // Only the block itself is kept.
};

// Whether a pin keeps all that it should.
struct PinCheck {
  PinInfo pin;
  std::uint64_t blocks = 0;  // That are here.
  std::string error;         // Names what is missing or damaged; empty: whole.
};

struct GcReport {
  std::uint64_t blocks_freed = 0;
  std::uint64_t bytes_freed = 0;  // Of files and packs removed; referenced files are not touched.
  std::uint64_t files_freed = 0;
  std::uint64_t packs_freed = 0;
  std::uint64_t blocks_moved = 0;    // Into packs, because another root needs them.
  std::uint64_t orphans_freed = 0;   // Files of interrupted operations.
  std::uint64_t partials_freed = 0;  // Only with abandoned_partials.
  std::uint64_t kept = 0;            // Blocks.
};

struct CacheReport {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t bytes = 0;
  std::uint64_t limit_bytes = 0;
};

struct FileUsage {
  ipld::Cid root;
  std::uint64_t bytes = 0;
  bool referenced = false;
};

struct PackUsage {
  std::uint64_t id = 0;
  std::uint64_t bytes = 0;       // Of the file.
  std::uint64_t live_bytes = 0;  // Of blocks that the index names.
};

struct UsageReport {
  std::uint64_t files_bytes = 0;  // Disk blocks in use, as du(1) counts them.
  std::uint64_t packs_bytes = 0;
  std::uint64_t partial_bytes = 0;
  std::uint64_t temporary_bytes = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t referenced_bytes = 0;  // Of files that lie elsewhere: not in the sum.
  std::uint64_t blocks = 0;
  // What sharing saves: bytes of distinct blocks, and of all that pins hold, each by itself.
  std::uint64_t unique_bytes = 0;
  std::uint64_t pinned_bytes = 0;
  std::vector<FileUsage> files;
  std::vector<PackUsage> packs;
  std::vector<PinInfo> roots;
  std::uint64_t total_bytes() const {
    return files_bytes + packs_bytes + partial_bytes + temporary_bytes + index_bytes;
  }
};

struct BadBlock {
  std::string cid;    // Of the root for a pin that is not whole, else of the block (raw codec).
  std::string place;  // The file or pack and the offset.
  std::string message;
};

struct VerifyReport {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t pins = 0;
  std::vector<BadBlock> bad;  // At most kMaxBadBlocks; bad_total counts all.
  std::uint64_t bad_total = 0;
};
inline constexpr std::size_t kMaxBadBlocks = 1000;

}  // namespace accel::blockstore
