// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads sharded directories (HAMT): a directory that is too large for one block is a trie over the
// hashes of its names. Used by blockstore (paths, listings, export), exchange (planning a pull) and
// gateway. Pure functions: blocks come from the caller, one at a time, verified. Building and
// changing: folder.hpp. Spec: ipfs/specs src/unixfs.md ("HAMT"); where it is silent, as boxo's
// ipld/unixfs/hamt: bits of the hash are taken from the most significant end.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/directory.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::ipld {

inline constexpr std::uint64_t kHamtHash = 0x22;  // murmur3-x64-64, the only one in use.
inline constexpr std::uint32_t kMinHamtFanout = 8;
inline constexpr std::uint32_t kMaxHamtFanout = 1024;  // Kubo's limit.

// The first half of MurmurHash3_x64_128 with seed 0; its most significant bits are used first.
std::uint64_t murmur3_x64_64(ByteView data);

// Whether the fan-out is a power of two from kMinHamtFanout to kMaxHamtFanout.
bool is_hamt_fanout(std::uint64_t fanout);

// The slot of a name at a level (0: the root shard); nothing where its hash has no bits left, which
// is beyond the deepest shard that can be.
std::optional<std::uint32_t> hamt_slot(std::uint64_t hash, std::uint32_t fanout, std::size_t level);

// One slot in use.
struct HamtSlot {
  std::uint32_t index = 0;
  bool is_shard = false;
  DirectoryEntry entry{};  // Of a sub-shard without a name.
};

// One decoded block of the trie.
struct HamtShard {
  std::uint32_t fanout = 0;
  std::vector<HamtSlot> slots{};  // By rising index.
  UnixFsMeta meta{};              // Of the directory; only its root has any.

  const HamtSlot* find(std::uint32_t index) const;  // Borrows; nullptr if the slot is free.
};

// Errors: corrupt (no shard, a fan-out that is_hamt_fanout() refuses, another hash function, a bit
// field that is too long or disagrees with the links, a bad name), resource_exhausted.
Result<HamtShard> decode_hamt_shard(const Cid& cid, ByteView block);
// The inverse, canonically; slots by rising index, fan-out as is_hamt_fanout() demands.
Bytes encode_hamt_shard(const HamtShard& shard);

// Gives the verified block of a CID. Its errors go through to the caller.
using BlockGetter = std::function<Result<Bytes>(const Cid&)>;

struct HamtLookup {
  std::optional<DirectoryEntry> entry{};  // Nothing: the directory has no such name.
  std::vector<Cid> passed{};  // Shards that lead to the answer, the root first; no others are read.
};
// Errors: as decode_hamt_shard(); corrupt (shards of different fan-out, or deeper than the hash).
Result<HamtLookup> find_in_hamt(const Cid& root, std::string_view name, const BlockGetter& get);

inline constexpr std::uint64_t kMaxHamtEntries = 1ULL << 24U;

// What a walk tells; both may be empty.
struct HamtVisitor {
  std::function<Status(const DirectoryEntry& entry)> on_entry{};
  std::function<Status(const Cid& cid, ByteView block)> on_shard{};
  std::uint64_t max_entries = kMaxHamtEntries;
};

// Depth first by rising slots, each entry once: the order of the hashes, not of the names. Holds
// one shard for each level. An error of the visitor ends the walk and is returned.
// Errors: as find_in_hamt(); corrupt (a name in a slot that is not its own, an empty sub-shard: so
// a hostile trie cannot repeat a block without end), resource_exhausted (above max_entries).
Status walk_hamt(const Cid& root, const BlockGetter& get, const HamtVisitor& visitor);

}  // namespace accel::ipld
