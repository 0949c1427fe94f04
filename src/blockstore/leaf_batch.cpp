// SPDX-License-Identifier: Apache-2.0
#include "leaf_batch.hpp"

#include "accel/core/file.hpp"
#include "accel/crypto/sha256_many.hpp"
#include "accel/ipld/file_layout.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kFrameRoom = 64;  // More than the prefix and suffix of a wrapped leaf.

}  // namespace

LeafDigests::LeafDigests(const ipld::ImportProfile& profile, std::size_t leaves) {
  if (profile.hash == ipld::HashCode::sha2_256 && profile.inline_limit == 0) {
    lanes_.resize(leaves);
  } else {
    others_.resize(leaves);
  }
}

ipld::Multihash LeafDigests::at(std::size_t index) const {
  return others_.empty() ? ipld::sha2_256_of(lanes_[index]) : others_[index];
}

LeafBatch::LeafBatch(const ipld::ImportProfile& profile, std::size_t leaves)
    : profile_(profile),
      stride_(profile.chunk_size + kFrameRoom),
      bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(stride_ * leaves)),
      hashed_(leaves) {}

Status LeafBatch::read(const HashJob& job, std::size_t leaf, LeafDigests& digests) {
  const LeafRange range = job.plan->at(leaf);
  ipld::LeafFrame frame;
  if (!profile_.raw_leaves) frame = ipld::leaf_frame(profile_, range.length);
  const std::size_t block_bytes = frame.prefix.size() + range.length + frame.suffix.size();
  const std::span<std::uint8_t> block(&bytes_[blocks_.size() * stride_], block_bytes);
  const auto payload = block.subspan(frame.prefix.size(), range.length);
  ACCEL_CHECK(pread_all(job.source_fd, payload, range.offset));
  if (job.copy_fd >= 0) ACCEL_CHECK(pwrite_all(job.copy_fd, payload, range.offset));
  std::ranges::copy(frame.prefix, block.begin());
  std::ranges::copy(frame.suffix, block.end() - std::ssize(frame.suffix));
  blocks_.push_back(block);
  slots_.push_back({&digests, leaf});
  if (job.on_leaf) job.on_leaf(range.length);
  return {};
}

void LeafBatch::hash() {
  const bool in_lanes = !slots_.empty() && slots_.front().digests->others_.empty();
  if (in_lanes) crypto::sha256_many(blocks_, hashed_);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (in_lanes) {
      slot.digests->lanes_[slot.leaf] = hashed_[i];
    } else {
      slot.digests->others_[slot.leaf] = ipld::hash_block(profile_, blocks_[i]);
    }
  }
  blocks_.clear();
  slots_.clear();
}

}  // namespace accel::blockstore
