// SPDX-License-Identifier: Apache-2.0
#pragma once
// From an archive to packs, in batches: while one batch is hashed on all CPUs, the batch before it
// is written. Memory: two batches of 16 MiB and one block each. Private to blockstore; one object
// per call. Spec: docs/formats/store.md, "Durability".

#include <vector>

#include "accel/blockstore/car.hpp"
#include "accel/ipld/car.hpp"
#include "block_batch.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

class CarImporter {
 public:
  CarImporter(StoreCore& core, const CarImportOptions& options)
      : core_(core),
        options_(options),
        writer_(core, {.is_private = options.is_private, .renew = true}) {}

  // Blocks before an error stay; the caller holds a lease_new_blocks(). Errors: corrupt (the
  // message names the block and where its section begins), unsupported (a hash function, a
  // version), resource_exhausted, cancelled, the source's.
  Result<CarImportReport> run(const ByteSource& source);

 private:
  struct Batch {
    Bytes memory;  // What the blocks borrow from.
    std::vector<BlockRef> blocks;
    std::vector<std::uint64_t> offsets;  // Of their sections, from the start of the archive.
  };
  Status read_batch(const ByteSource& source, Batch& batch);
  Status take_blocks(Batch& batch);
  Status hash_and_write(Batch& batch, Batch& before);
  Status write(Batch& batch);
  Error describe(const Batch& batch, std::size_t index, Error error) const;
  void report_progress() const;

  StoreCore& core_;
  const CarImportOptions& options_;
  BlockWriter writer_;
  ipld::CarReader reader_;
  CarImportReport report_;
  std::uint64_t data_offset_ = 0;  // Of the CARv1 in the archive.
  bool ended_ = false;
};

}  // namespace accel::blockstore
