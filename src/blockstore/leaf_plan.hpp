// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the leaves of a file lie: by arithmetic where they are equal, one by one where the content
// decides. Private to blockstore; used by the importer. A value: 8 bytes a leaf in the second case.

#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include "accel/core/result.hpp"
#include "accel/ipld/profile.hpp"

namespace accel::blockstore {

struct LeafRange {
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
};

class LeafPlan {
 public:
  // Leaves of profile.chunk_size bytes; one of none for the empty file.
  LeafPlan(const ipld::ImportProfile& profile, std::uint64_t file_bytes);
  // As the profile says; reads the file when the content decides. Errors: corrupt (the file ends
  // early), cancelled, io.
  static Result<LeafPlan> read(const ipld::ImportProfile& profile, int fd, std::uint64_t file_bytes,
                               const std::stop_token& stop);

  std::size_t size() const { return leaves_; }
  LeafRange at(std::size_t leaf) const;

 private:
  std::uint64_t leaf_bytes_;
  std::uint64_t file_bytes_;
  std::size_t leaves_;
  std::vector<std::uint64_t> ends_;  // Empty: leaf_bytes_ each.
};

}  // namespace accel::blockstore
