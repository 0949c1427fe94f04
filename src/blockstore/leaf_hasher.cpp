// SPDX-License-Identifier: Apache-2.0
#include "leaf_hasher.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "accel/core/file.hpp"
#include "accel/crypto/sha256_many.hpp"
#include "accel/ipld/file_layout.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kFrameRoom = 64;  // More than the prefix and suffix of a wrapped leaf.

// One worker's leaves, each as the block that is hashed, beside each other for the hashing lanes.
class LeafBatch {
 public:
  LeafBatch(const HashJob& job, std::size_t leaves)
      : job_(job),
        stride_(job.profile->chunk_size + kFrameRoom),
        bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(stride_ * leaves)) {}

  Status hash(std::size_t first, std::size_t count, LeafDigests& out) {
    blocks_.clear();
    for (std::size_t i = 0; i < count; ++i) ACCEL_CHECK(read(first + i, i));
    out.hash(first, blocks_);
    return {};
  }

 private:
  Status read(std::size_t leaf, std::size_t slot) {
    const LeafRange range = leaf_range(*job_.profile, job_.file_bytes, leaf);
    ipld::LeafFrame frame;
    if (!job_.profile->raw_leaves) frame = ipld::leaf_frame(*job_.profile, range.length);
    const std::size_t block_bytes = frame.prefix.size() + range.length + frame.suffix.size();
    const std::span<std::uint8_t> block(&bytes_[slot * stride_], block_bytes);
    const auto payload = block.subspan(frame.prefix.size(), range.length);
    ACCEL_CHECK(pread_all(job_.source_fd, payload, range.offset));
    if (job_.copy_fd >= 0) ACCEL_CHECK(pwrite_all(job_.copy_fd, payload, range.offset));
    std::ranges::copy(frame.prefix, block.begin());
    std::ranges::copy(frame.suffix, block.end() - std::ssize(frame.suffix));
    blocks_.push_back(block);
    if (job_.on_leaf) job_.on_leaf(range.length);
    return {};
  }

  const HashJob& job_;
  std::size_t stride_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::vector<ByteView> blocks_;
};

}  // namespace

LeafDigests::LeafDigests(ipld::HashCode code, std::size_t leaves) : code_(code) {
  if (code == ipld::HashCode::sha2_256) {
    lanes_.resize(leaves);
  } else {
    others_.resize(leaves);
  }
}

ipld::Multihash LeafDigests::at(std::size_t index) const {
  return others_.empty() ? ipld::sha2_256_of(lanes_[index]) : others_[index];
}

void LeafDigests::hash(std::size_t first, std::span<const ByteView> blocks) {
  if (code_ == ipld::HashCode::sha2_256) {
    crypto::sha256_many(blocks, std::span(lanes_).subspan(first, blocks.size()));
    return;
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    others_[first + i] = *ipld::hash_with(code_, blocks[i]);  // The profile was checked.
  }
}

LeafRange leaf_range(const ipld::ImportProfile& profile, std::uint64_t file_bytes,
                     std::size_t index) {
  const std::uint64_t offset = index * profile.chunk_size;
  return {offset, static_cast<std::uint32_t>(std::min(profile.chunk_size, file_bytes - offset))};
}

Result<LeafDigests> hash_leaves(HashPool& pool, const HashJob& job) {
  const auto leaves = static_cast<std::size_t>(ipld::leaf_count(*job.profile, job.file_bytes));
  LeafDigests digests(job.profile->hash, leaves);
  // Full lanes, unless that would leave workers without any.
  const std::size_t a_batch =
      std::clamp<std::size_t>(leaves / pool.workers(), 1, crypto::sha256_many_width());
  std::array<std::unique_ptr<LeafBatch>, HashPool::kMaxWorkers> batches;
  const HashPool::Body body = [&](std::size_t worker, std::size_t index) -> Status {
    auto& batch = batches[worker];
    if (batch == nullptr) batch = std::make_unique<LeafBatch>(job, a_batch);
    const std::size_t first = index * a_batch;
    const std::size_t count = std::min(a_batch, leaves - first);
    return batch->hash(first, count, digests);
  };
  ACCEL_CHECK(pool.for_each((leaves + a_batch - 1) / a_batch, body, job.stop));
  return digests;
}

}  // namespace accel::blockstore
