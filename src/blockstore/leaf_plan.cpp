// SPDX-License-Identifier: Apache-2.0
#include "leaf_plan.hpp"

#include <algorithm>
#include <span>

#include "accel/core/file.hpp"
#include "accel/ipld/chunker.hpp"
#include "accel/ipld/file_layout.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kReadBytes = 8U << 20U;  // Several of the largest leaves.

}  // namespace

LeafPlan::LeafPlan(const ipld::ImportProfile& profile, std::uint64_t file_bytes)
    : leaf_bytes_(profile.chunk_size),
      file_bytes_(file_bytes),
      leaves_(static_cast<std::size_t>(ipld::leaf_count(profile, file_bytes))) {}

Result<LeafPlan> LeafPlan::read(const ipld::ImportProfile& profile, int fd,
                                std::uint64_t file_bytes, const std::stop_token& stop) {
  LeafPlan plan(profile, file_bytes);
  if (profile.chunking == ipld::Chunking::fixed || file_bytes == 0) return plan;
  Bytes buffer(std::min<std::uint64_t>(kReadBytes, file_bytes));
  for (std::uint64_t begin = 0; begin < file_bytes;) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "The add was stopped.");
    const std::size_t size = std::min<std::uint64_t>(buffer.size(), file_bytes - begin);
    const std::span<std::uint8_t> window(buffer.data(), size);
    ACCEL_CHECK(pread_all(fd, window, begin));
    const bool is_last = begin + size == file_bytes;
    std::size_t done = 0;
    // A cut needs to see as far as the largest leaf reaches, or to the end.
    while (done < size && (is_last || size - done >= profile.chunk_size)) {
      done += ipld::next_leaf_bytes(profile, window.subspan(done));
      plan.ends_.push_back(begin + done);
    }
    begin += done;
  }
  plan.leaves_ = plan.ends_.size();
  return plan;
}

LeafRange LeafPlan::at(std::size_t leaf) const {
  const bool is_equal = ends_.empty();
  const std::uint64_t begin = is_equal ? leaf * leaf_bytes_ : leaf == 0 ? 0 : ends_[leaf - 1];
  const std::uint64_t end = is_equal ? std::min(begin + leaf_bytes_, file_bytes_) : ends_[leaf];
  return {begin, static_cast<std::uint32_t>(end - begin)};
}

}  // namespace accel::blockstore
