// SPDX-License-Identifier: Apache-2.0
#pragma once
// Builds directory and symlink nodes of one block, and says which names an entry may have. Pure
// functions. Directories of any size are folder.hpp's; reading is node_view.hpp. Spec: ipfs/specs
// src/unixfs.md; IPIP-0499 for thresholds.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/profile.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::ipld {

inline constexpr std::size_t kMaxNameBytes = 255;      // What Linux file systems hold.
inline constexpr std::size_t kMaxSymlinkBytes = 4095;  // PATH_MAX without its NUL.

// Errors: invalid_argument (empty, ".", "..", holds '/' or NUL, or longer than kMaxNameBytes).
Status check_entry_name(std::string_view name);

// Whether a symbolic link `depth` names below the top of a tree leads nowhere but into the tree.
// ".." counts only at the front: behind a name it would start from wherever that name, itself a
// link, leads.
bool link_stays_inside(std::string_view target, std::size_t depth);

struct DirectoryEntry {
  std::string name{};
  Cid cid{};
  std::uint64_t tsize = 0;  // Built::dag_bytes or BuiltBlock::dag_bytes of the child.
};

struct BuiltBlock {
  Cid cid{};
  Bytes block{};
  std::uint64_t dag_bytes = 0;  // Tsize: this block and all below.
};

// Entries in any order; they are sorted by the bytes of their names.
// Errors: invalid_argument (a bad name, a name given twice), unsupported (larger than the profile
// allows for one block: build_folder() shards it).
Result<BuiltBlock> build_directory(const ImportProfile& profile,
                                   std::vector<DirectoryEntry> entries,
                                   const UnixFsMeta& meta = {});

// Errors: invalid_argument (an empty target, one with NUL, or longer than kMaxSymlinkBytes).
Result<BuiltBlock> build_symlink(const ImportProfile& profile, std::string_view target,
                                 const UnixFsMeta& meta = {});

}  // namespace accel::ipld
