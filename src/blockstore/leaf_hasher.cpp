// SPDX-License-Identifier: Apache-2.0
#include "leaf_hasher.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "accel/core/file.hpp"
#include "accel/ipld/file_layout.hpp"

namespace accel::blockstore {

LeafRange leaf_range(const ipld::ImportProfile& profile, std::uint64_t file_bytes,
                     std::size_t index) {
  const std::uint64_t offset = index * profile.chunk_size;
  return {offset, static_cast<std::uint32_t>(std::min(profile.chunk_size, file_bytes - offset))};
}

Result<std::vector<crypto::Sha256Digest>> hash_leaves(HashPool& pool, const HashJob& job) {
  const auto count = static_cast<std::size_t>(ipld::leaf_count(*job.profile, job.file_bytes));
  std::vector<crypto::Sha256Digest> digests(count);
  std::array<std::unique_ptr<std::uint8_t[]>, HashPool::kMaxWorkers> buffers;
  const HashPool::Body body = [&](std::size_t worker, std::size_t index) -> Status {
    const LeafRange range = leaf_range(*job.profile, job.file_bytes, index);
    auto& buffer = buffers[worker];
    if (buffer == nullptr) {
      buffer = std::make_unique_for_overwrite<std::uint8_t[]>(job.profile->chunk_size);
    }
    const std::span<std::uint8_t> payload(buffer.get(), range.length);
    ACCEL_CHECK(pread_all(job.source_fd, payload, range.offset));
    if (job.copy_fd >= 0) ACCEL_CHECK(pwrite_all(job.copy_fd, payload, range.offset));
    const ipld::Leaf leaf = ipld::make_leaf(*job.profile, payload);
    std::ranges::copy(leaf.cid.hash().digest(), digests[index].begin());
    if (job.on_leaf) job.on_leaf(range.length);
    return {};
  };
  ACCEL_CHECK(pool.for_each(count, body, job.stop));
  return digests;
}

}  // namespace accel::blockstore
