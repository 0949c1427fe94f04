// SPDX-License-Identifier: Apache-2.0
#pragma once
// Builds directories of any size and changes them by one entry: one block up to the profile's
// threshold, a sharded directory (HAMT) above it, and each in the other's place as entries come and
// go. What comes out depends on the entries alone, not on the order in which they came. Pure
// functions: blocks come from the caller and go to it, children before parents. Used by
// blockstore's importer. Spec: ipfs/specs src/unixfs.md ("HAMT"), IPIP-0499 (thresholds); shards
// collapse as in boxo's ipld/unixfs/hamt, so that CIDs are Kubo's.

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/directory.hpp"
#include "accel/ipld/hamt.hpp"
#include "accel/ipld/profile.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::ipld {

// Takes each block that was made. Its failure ends the call and is returned.
using OnBlock = std::function<Status(const Cid& cid, ByteView block)>;

struct BuiltFolder {
  Cid cid{};
  std::uint64_t dag_bytes = 0;  // Tsize.
  bool sharded = false;

  friend bool operator==(const BuiltFolder&, const BuiltFolder&) = default;
};

// Entries in any order; `meta` goes to the root. Memory: the entries, and one shard for each level.
// Errors: invalid_argument (a bad name, a name given twice, or two names whose hashes are equal, so
// that no trie can hold both), those of on_block.
Result<BuiltFolder> build_folder(const ImportProfile& profile, std::vector<DirectoryEntry> entries,
                                 const UnixFsMeta& meta, const OnBlock& on_block);

// What a change works with. `get` gives the blocks of the directory as it is: those on the path of
// the name, and of a sharded one that shrinks as many as tell whether it fits one block.
struct FolderAccess {
  const ImportProfile& profile;
  BlockGetter get;
  OnBlock on_block;
};

// Adds the entry, or puts it in the place of the one of its name. The directory keeps its mode,
// time and fan-out; new blocks are made as the profile says.
// Errors: as build_folder(), decode_node() and find_in_hamt(); invalid_argument (no directory).
Result<BuiltFolder> put_entry(const FolderAccess& access, const Cid& folder, DirectoryEntry entry);

// Errors: the same; not_found (no entry of that name).
Result<BuiltFolder> remove_entry(const FolderAccess& access, const Cid& folder,
                                 std::string_view name);

}  // namespace accel::ipld
