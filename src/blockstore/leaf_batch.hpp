// SPDX-License-Identifier: Apache-2.0
#pragma once
// Leaves of one file or of several, read into memory beside each other, written to copies in the
// same pass and hashed side by side, as many as the CPU has lanes for. Private to blockstore; used
// by the importer, one object a thread. Memory: a block for each leaf that it has room for.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "accel/crypto/sha256.hpp"
#include "accel/ipld/profile.hpp"
#include "leaf_plan.hpp"

namespace accel::blockstore {

// A file to read, hash and perhaps copy.
struct HashJob {
  int source_fd = -1;
  int copy_fd = -1;  // -1: no copy.
  std::uint64_t file_bytes = 0;
  const ipld::ImportProfile* profile = nullptr;
  const LeafPlan* plan = nullptr;
  std::stop_token stop;
  std::function<void(std::uint64_t leaf_bytes)> on_leaf;  // From several threads at once.
};

// The hashes of a file's leaf blocks, in file order.
class LeafDigests {
 public:
  LeafDigests(const ipld::ImportProfile& profile, std::size_t leaves);

  std::size_t size() const { return std::max(lanes_.size(), others_.size()); }
  ipld::Multihash at(std::size_t index) const;

 private:
  friend class LeafBatch;
  std::vector<crypto::Sha256Digest> lanes_;
  std::vector<ipld::Multihash> others_;  // Of hash functions without lanes, and inside their CIDs.
};

class LeafBatch {
 public:
  LeafBatch(const ipld::ImportProfile& profile, std::size_t leaves);

  // The next one: at most as many as there is room for. Errors: corrupt (the file ends early),
  // resource_exhausted (no room for the copy), io.
  Status read(const HashJob& job, std::size_t leaf, LeafDigests& digests);
  // Writes the digests of what was read to where it belongs; the batch is empty then.
  void hash();

 private:
  struct Slot {
    LeafDigests* digests;
    std::size_t leaf;
  };
  const ipld::ImportProfile& profile_;
  std::size_t stride_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::vector<ByteView> blocks_;
  std::vector<Slot> slots_;
  std::vector<crypto::Sha256Digest> hashed_;
};

}  // namespace accel::blockstore
