// SPDX-License-Identifier: Apache-2.0
#include "leaf_batch.hpp"

#include "accel/core/file.hpp"
#include "accel/crypto/sha256_many.hpp"
#include "accel/ipld/file_layout.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kFrameRoom = 64;  // More than the prefix and suffix of a wrapped leaf.

}  // namespace

LeafRange leaf_range(const ipld::ImportProfile& profile, std::uint64_t file_bytes,
                     std::size_t index) {
  const std::uint64_t offset = index * profile.chunk_size;
  return {offset, static_cast<std::uint32_t>(std::min(profile.chunk_size, file_bytes - offset))};
}

LeafDigests::LeafDigests(ipld::HashCode code, std::size_t leaves) {
  if (code == ipld::HashCode::sha2_512) {
    long_.resize(leaves);
  } else {
    short_.resize(leaves);
  }
}

ipld::Multihash LeafDigests::at(std::size_t index) const {
  if (long_.empty()) return ipld::sha2_256_of(short_[index]);
  return *ipld::Multihash::wrap(ipld::HashCode::sha2_512, long_[index]);
}

LeafBatch::LeafBatch(const ipld::ImportProfile& profile, std::size_t leaves)
    : profile_(profile),
      stride_(profile.chunk_size + kFrameRoom),
      bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(stride_ * leaves)),
      hashed_(leaves) {}

Status LeafBatch::read(const HashJob& job, std::size_t leaf, LeafDigests& digests) {
  const LeafRange range = leaf_range(profile_, job.file_bytes, leaf);
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
  if (profile_.hash == ipld::HashCode::sha2_512) {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      slots_[i].digests->long_[slots_[i].leaf] = crypto::sha512(blocks_[i]);
    }
  } else {
    crypto::sha256_many(blocks_, hashed_);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      slots_[i].digests->short_[slots_[i].leaf] = hashed_[i];
    }
  }
  blocks_.clear();
  slots_.clear();
}

}  // namespace accel::blockstore
