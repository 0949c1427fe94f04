// SPDX-License-Identifier: Apache-2.0
#pragma once
// Collects what one add() brings (blocks for packs, new files) and commits it in one transaction,
// with the pin: all or nothing. Private to blockstore; one thread at a time.
// Spec: docs/formats/store.md, "Durability".

#include <optional>
#include <unordered_set>
#include <vector>

#include "accel/crypto/sha256.hpp"
#include "pack_writer.hpp"
#include "staged_file.hpp"
#include "store_core.hpp"
#include "temporary_folder.hpp"

namespace accel::blockstore {

class ImportSession {
 public:
  // reuse: blocks that the store has are not written again; the commit checks that they still are
  // there and fails with kGone if gc was faster: then begin again without.
  ImportSession(StoreCore& core, bool reuse) : core_(core), reuse_(reuse), packs_(*core.packs) {}

  Status add_block(const ipld::Cid& cid, ByteView block);
  // Where a new owned file is to be written.
  Result<std::filesystem::path> new_file_path();
  // A complete file. Nothing is added when the store has this root as an intact file already.
  Status add_file(StagedFile file);
  // Durable on return. Every block that was added is hidden if the pin is private.
  Status commit(const PinRecord& pin);
  bool lost_reused_block() const { return gone_; }

 private:
  Status sync();
  Result<bool> has_intact_file(const FileRecord& record);
  Status check_reused(const Txn& txn);
  Status write_index(Txn& txn, const PinRecord& pin);
  Status hide_all(Txn& txn);

  struct PackedBlock {
    ipld::Multihash hash;
    Place place;
  };
  StoreCore& core_;
  bool reuse_;
  bool gone_ = false;
  PackSession packs_;
  std::optional<TemporaryFolder> temporary_;
  std::vector<PackedBlock> blocks_;
  std::vector<StagedFile> files_;
  std::vector<ipld::Multihash> reused_blocks_;
  std::vector<StagedFile> reused_files_;
  std::unordered_set<std::string> seen_;  // Multihashes of blocks_ and reused_blocks_.
};

}  // namespace accel::blockstore
