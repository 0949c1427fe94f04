// SPDX-License-Identifier: Apache-2.0
#pragma once
// Turns the leaves of a file into the DAG that IPFS gives it, while they stream by.
// Used by blockstore's importer. One object per file, one thread at a time; memory O(depth *
// max_links). Spec: ipfs/specs src/unixfs.md ("Layout: balanced", "trickle"); equal to Kubo's.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/profile.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::ipld {

struct Leaf {
  Cid cid{};
  std::uint64_t payload_bytes = 0;  // Bytes of the file.
  std::uint64_t block_bytes = 0;    // Bytes of the block: the same for raw leaves.
};

struct Built {
  Cid root{};
  std::uint64_t file_bytes = 0;
  std::uint64_t dag_bytes =
      0;  // Tsize: the blocks of the whole DAG, repeated ones counted each time.
};

// The bytes around a payload in its leaf block; both empty for raw leaves.
// So a wrapped leaf can be hashed, sent and read without copying its payload.
// `meta` is for the only leaf of a file, which is its root: a raw leaf has no room for it and
// becomes a wrapped one, as in Helia (Kubo knows metadata with wrapped leaves only).
struct LeafFrame {
  Bytes prefix{};
  Bytes suffix{};
};
LeafFrame leaf_frame(const ImportProfile& profile, std::uint64_t payload_bytes,
                     const UnixFsMeta& meta = {});
Bytes leaf_block(const ImportProfile& profile, ByteView payload, const UnixFsMeta& meta = {});
// The CID of a leaf whose *block* has this hash.
Cid leaf_cid(const ImportProfile& profile, Multihash block_hash, const UnixFsMeta& meta = {});
// What add_leaf() wants. Copies the payload unless it is a raw leaf's.
Leaf make_leaf(const ImportProfile& profile, ByteView payload, const UnixFsMeta& meta = {});

// Leaves of equal size in a file of `file_bytes`: 1 for the empty file.
std::uint64_t leaf_count(const ImportProfile& profile, std::uint64_t file_bytes);

// Takes each inner block as soon as it is full, children before parents; leaves are the caller's.
// Its failure ends the layout and is returned by the call that hit it.
using OnFileNode = std::function<Status(const Cid&, ByteView block)>;

class FileLayout {
 public:
  virtual ~FileLayout() = default;

  // In file order. Errors: whatever on_node returns.
  virtual Status add_leaf(const Leaf& leaf) = 0;
  // The root. The root node keeps `meta`. Balanced: of a file of one leaf that leaf, which was made
  // with it, of no leaf at all the empty leaf (which goes to on_node). Trickle: always a node.
  virtual Result<Built> finish(const UnixFsMeta& meta) = 0;
};

// The one that profile.shape names.
std::unique_ptr<FileLayout> make_layout(const ImportProfile& profile, OnFileNode on_node);

}  // namespace accel::ipld
