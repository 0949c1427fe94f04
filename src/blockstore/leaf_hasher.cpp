// SPDX-License-Identifier: Apache-2.0
#include "leaf_hasher.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "accel/crypto/sha256_many.hpp"
#include "clone.hpp"

namespace accel::blockstore {

std::size_t leaves_a_batch(HashPool& pool, std::size_t leaves) {
  return std::clamp<std::size_t>(leaves / pool.workers(), 1, crypto::sha256_many_width());
}

Result<LeafDigests> hash_leaves(HashPool& pool, const HashJob& job) {
  const std::size_t leaves = job.plan->size();
  LeafDigests digests(*job.profile, leaves);
  const std::size_t a_batch = leaves_a_batch(pool, leaves);
  if (job.copy_fd >= 0) ACCEL_CHECK(reserve_space(job.copy_fd, 0, job.file_bytes));
  std::array<std::unique_ptr<LeafBatch>, HashPool::kMaxWorkers> batches;
  const HashPool::Body body = [&](std::size_t worker, std::size_t index) -> Status {
    auto& batch = batches[worker];
    if (batch == nullptr) batch = std::make_unique<LeafBatch>(*job.profile, a_batch);
    const std::size_t first = index * a_batch;
    const std::size_t end = std::min(first + a_batch, leaves);
    for (std::size_t leaf = first; leaf < end; ++leaf) {
      ACCEL_CHECK(batch->read(job, leaf, digests));
    }
    if (job.copy_fd >= 0) {
      const std::uint64_t begin = job.plan->at(first).offset;
      const LeafRange last = job.plan->at(end - 1);
      begin_write_back(job.copy_fd, begin, last.offset + last.length - begin);
    }
    batch->hash();
    return {};
  };
  ACCEL_CHECK(pool.for_each((leaves + a_batch - 1) / a_batch, body, job.stop));
  return digests;
}

}  // namespace accel::blockstore
