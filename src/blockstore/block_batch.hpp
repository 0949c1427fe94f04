// SPDX-License-Identifier: Apache-2.0
#pragma once
// Many blocks at once: hashed side by side on all CPUs, then written to packs with one system call
// for a row of them. Used by put_all() and the import of archives. Private to blockstore.
// BlockWriter: one thread at a time. Spec: docs/formats/store.md, "Durability".

#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "accel/ipld/cid.hpp"
#include "pack_writer.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

// Borrows the bytes.
struct BlockRef {
  ipld::Cid cid;
  ByteView data;
};

// The index of the first block that is not what its CID names, SIZE_MAX for none; on this thread,
// side by side.
std::size_t first_bad_block(std::span<const BlockRef> blocks);

// Hashes in groups that fill the lanes; verify_piece() is for callers that spread the groups over
// the CPUs together with other work.
class BlockCheck {
 public:
  BlockCheck(HashPool& pool, std::span<const BlockRef> blocks);

  std::size_t pieces() const;
  void verify_piece(std::size_t piece);  // Any thread, each piece once.

  // After all pieces: how many blocks at the front are what their CIDs name, and what is wrong with
  // the one behind them.
  std::size_t good() const;
  Error error() const;

 private:
  std::span<const BlockRef> blocks_;
  std::size_t a_piece_;
  std::vector<std::size_t> bad_;  // By piece: the index of the first bad block.
};

// All of them, on all CPUs. Errors: as verify_block(), of the first block that is wrong; cancelled.
Status verify_blocks(HashPool& pool, std::span<const BlockRef> blocks, const std::stop_token& stop);

struct WriteOptions {
  bool is_private = false;
  // Blocks that are here already count as new for gc: the caller holds lease_new_blocks().
  bool renew = false;
};

class BlockWriter {
 public:
  BlockWriter(StoreCore& core, WriteOptions options);
  ~BlockWriter();

  // The blocks must be verified; their bytes may go when this returns. What is here and whole is
  // not written again. Errors: resource_exhausted (disk full, a block too large), io.
  Status write(std::span<const BlockRef> blocks);
  // So much was written that it should be committed before more comes: memory and what a crash
  // costs stay bounded.
  bool is_due() const;
  // Durable on return: data, sync, index. After a failure of either nothing more is committed: what
  // the disk refused must not be named. Errors: resource_exhausted, io.
  Status commit();

  std::uint64_t blocks_new() const { return blocks_new_; }
  std::uint64_t bytes_new() const { return bytes_new_; }

 private:
  struct NewBlock {
    ipld::Multihash hash;
    Place place;
    bool mends = false;  // It is here, but damaged.
  };
  Status write_new(std::span<const BlockRef> blocks);
  Status commit_new();
  enum class Found : std::uint8_t { absent, damaged, whole, pending };
  Result<std::vector<Found>> look_up(std::span<const BlockRef> blocks);
  Status keep_whole(std::span<const BlockRef> blocks, std::vector<Found>& found);
  Status write_index(Txn& txn);

  StoreCore& core_;
  WriteOptions options_;
  std::unique_ptr<PackSession> packs_;
  Status broken_;
  std::vector<NewBlock> added_;              // Not committed yet.
  std::unordered_set<std::string> pending_;  // Their multihashes.
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t blocks_new_ = 0;
  std::uint64_t bytes_new_ = 0;
};

}  // namespace accel::blockstore
