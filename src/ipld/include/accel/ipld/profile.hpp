// SPDX-License-Identifier: Apache-2.0
#pragma once
// Import profiles: every choice that decides which CID a file or folder gets. A plain value;
// nothing is global. Used by blockstore's importer and by the command line. Spec: IPIP-0499.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::ipld {

// What is held against hamt_threshold to decide whether a directory is sharded.
enum class DirectorySize : std::uint8_t {
  links_bytes,  // The sum of name and CID lengths, as Kubo has counted since 2021.
  block_bytes,  // The length of the serialized block.
};

struct ImportProfile {
  std::string name{};
  int cid_version = 1;
  bool raw_leaves = true;                    // False: each leaf is a dag-pb UnixFS file.
  std::uint64_t chunk_size = 1U << 20U;      // Bytes of file in one leaf.
  std::uint32_t max_links = 1024;            // Children of one file node; at least 2.
  std::uint64_t hamt_threshold = 1U << 18U;  // A directory is sharded when it is larger than this.
  DirectorySize directory_size = DirectorySize::block_bytes;
  std::uint32_t hamt_fanout = 256;

  friend bool operator==(const ImportProfile&, const ImportProfile&) = default;
};

inline constexpr std::uint64_t kMaxChunkBytes =
    2U << 20U;  // A raw leaf is a block; larger ones do not travel.

const ImportProfile& unixfs_v1_2025();  // The default: CIDv1, 1 MiB raw leaves, 1024 links.
const ImportProfile&
unixfs_v0_2015();  // What Kubo did from the start: CIDv0, 256 KiB wrapped leaves, 174 links.
const std::vector<std::string>& profile_names();
// Errors: invalid_argument (the message lists the names).
Result<ImportProfile> profile_by_name(std::string_view name);

}  // namespace accel::ipld
