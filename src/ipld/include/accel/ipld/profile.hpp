// SPDX-License-Identifier: Apache-2.0
#pragma once
// Import profiles: every choice that decides which CID a file or folder gets. A plain value;
// nothing is global. Used by blockstore's importer and by the command line. Spec: IPIP-0499.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"
#include "accel/ipld/multihash.hpp"

namespace accel::ipld {

// What is held against hamt_threshold to decide whether a directory is sharded.
enum class DirectorySize : std::uint8_t {
  links_bytes,  // The sum of name and CID lengths, as Kubo has counted since 2021.
  block_bytes,  // The length of the serialized block.
};

// Where a file is cut. By content: an inserted byte moves few cuts, so that most leaves stay equal.
enum class Chunking : std::uint8_t {
  fixed,    // chunk_size each.
  rabin,    // Rabin fingerprints over 16 bytes, as Kubo's "rabin-min-avg-max".
  buzhash,  // A rolling hash over 32 bytes: 128 to 512 KiB, as Kubo's "buzhash".
};

enum class FileShape : std::uint8_t {
  balanced,
  trickle,  // Leaves first, then ever deeper subtrees: for reading as it comes.
};

struct ImportProfile {
  std::string name{};
  int cid_version = 1;
  HashCode hash = HashCode::sha2_256;  // CIDv0 knows no other.
  bool raw_leaves = true;              // False: each leaf is a dag-pb UnixFS file.
  Chunking chunking = Chunking::fixed;
  std::uint64_t chunk_size = 1U << 20U;  // Bytes of file in one leaf; by content: at most.
  std::uint64_t rabin_min = 0;           // Chunking::rabin only: the least bytes of a leaf,
  std::uint64_t rabin_average = 0;       // and its power of two below is the average.
  FileShape shape = FileShape::balanced;
  std::uint32_t inline_limit = 0;            // Blocks of at most so many bytes are their own CIDs.
  std::uint32_t max_links = 1024;            // Children of one file node; at least 2.
  std::uint64_t hamt_threshold = 1U << 18U;  // A directory is sharded when it is larger than this.
  DirectorySize directory_size = DirectorySize::block_bytes;
  std::uint32_t hamt_fanout = 256;
  std::uint32_t max_directory_links = 0;  // A directory of more is sharded; 0: size alone says.

  friend bool operator==(const ImportProfile&, const ImportProfile&) = default;
};

// A leaf is a block, and blocks above 2 MiB do not travel; so much stays free for its frame (Kubo).
inline constexpr std::uint64_t kMaxChunkBytes = (2U << 20U) - 256;
inline constexpr std::uint32_t kMaxFileLinks = 8192;  // A node of more may pass 1 MiB.

const ImportProfile& unixfs_v1_2025();  // The default: CIDv1, 1 MiB raw leaves, 1024 links.
const ImportProfile&
unixfs_v0_2015();  // What Kubo did from the start: CIDv0, 256 KiB wrapped leaves, 174 links.
const std::vector<std::string>& profile_names();
// Errors: invalid_argument (the message lists the names).
Result<ImportProfile> profile_by_name(std::string_view name);

// As `ipfs add --chunker` has it: size-N, rabin, rabin-AVG, rabin-MIN-AVG-MAX, buzhash.
// Errors: invalid_argument (none of these, or bounds in the wrong order).
Status set_chunker(ImportProfile& profile, std::string_view text);

// Whether files and folders can be imported so. Errors: invalid_argument (a chunk of no bytes or of
// more than kMaxChunkBytes, links below 2 or above kMaxFileLinks, a fan-out that no reader takes,
// CIDv0 with a hash other than sha2-256, a CID version that is none), unsupported (a hash function
// that this build does not compute).
Status check_profile(const ImportProfile& profile);

// The hash of a block as the profile wants it, identity for one that goes into its CID; a profile
// that check_profile() takes.
Multihash hash_block(const ImportProfile& profile, ByteView block);

}  // namespace accel::ipld
