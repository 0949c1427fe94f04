// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads a file leaf by leaf on all CPUs, hashes each leaf and, if asked, writes it to a copy in the
// same pass. Leaves are hashed side by side, as many as the CPU has lanes for. Memory: so many
// leaves a thread (16 MiB at most with leaves of 1 MiB), and the digest of each leaf of the file.
// Private to blockstore; used by the importer.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "accel/crypto/sha256.hpp"
#include "accel/ipld/profile.hpp"
#include "hash_pool.hpp"

namespace accel::blockstore {

struct HashJob {
  int source_fd = -1;
  int copy_fd = -1;  // -1: no copy.
  std::uint64_t file_bytes = 0;
  const ipld::ImportProfile* profile = nullptr;
  std::stop_token stop;
  std::function<void(std::uint64_t leaf_bytes)> on_leaf;  // From several threads at once.
};

struct LeafRange {
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
};
LeafRange leaf_range(const ipld::ImportProfile& profile, std::uint64_t file_bytes,
                     std::size_t index);

// The digests of a file's leaf blocks, in file order.
class LeafDigests {
 public:
  LeafDigests(ipld::HashCode code, std::size_t leaves);

  std::size_t size() const { return std::max(lanes_.size(), others_.size()); }
  ipld::Multihash at(std::size_t index) const;
  // Hashes blocks that lie beside each other; the first is leaf `first`. From several threads, each
  // with leaves of its own.
  void hash(std::size_t first, std::span<const ByteView> blocks);

 private:
  ipld::HashCode code_;
  std::vector<crypto::Sha256Digest> lanes_;
  std::vector<ipld::Multihash> others_;  // Of hash functions that have no lanes here.
};

// Errors: corrupt (the file ends early), cancelled, resource_exhausted (no room for the copy), io.
Result<LeafDigests> hash_leaves(HashPool& pool, const HashJob& job);

}  // namespace accel::blockstore
