// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/profile.hpp"

#include "accel/ipld/hamt.hpp"

namespace accel::ipld {

const ImportProfile& unixfs_v1_2025() {
  static const ImportProfile profile{.name = "unixfs-v1-2025"};
  return profile;
}

const ImportProfile& unixfs_v0_2015() {
  static const ImportProfile profile{
      .name = "unixfs-v0-2015",
      .cid_version = 0,
      .raw_leaves = false,
      .chunk_size = 256U << 10U,
      .max_links = 174,
      .hamt_threshold = 256U << 10U,
      .directory_size = DirectorySize::links_bytes,
  };
  return profile;
}

const std::vector<std::string>& profile_names() {
  static const std::vector<std::string> names{unixfs_v1_2025().name, unixfs_v0_2015().name};
  return names;
}

Result<ImportProfile> profile_by_name(std::string_view name) {
  if (name == unixfs_v1_2025().name) return unixfs_v1_2025();
  if (name == unixfs_v0_2015().name) return unixfs_v0_2015();
  return fail(Errc::invalid_argument, "There is no import profile {}; there are {}.", name,
              fmt::join(profile_names(), " and "));
}

Status check_profile(const ImportProfile& profile) {
  if (profile.chunk_size == 0 || profile.chunk_size > kMaxChunkBytes) {
    return fail(Errc::invalid_argument, "A chunk has 1 to {} bytes, not {}.", kMaxChunkBytes,
                profile.chunk_size);
  }
  if (profile.max_links < 2 || profile.max_links > kMaxFileLinks) {
    return fail(Errc::invalid_argument, "A node of a file has 2 to {} links, not {}.",
                kMaxFileLinks, profile.max_links);
  }
  if (!is_hamt_fanout(profile.hamt_fanout)) {
    return fail(Errc::invalid_argument,
                "The fan-out of a sharded folder is a power of two from {} to {}, not {}.",
                kMinHamtFanout, kMaxHamtFanout, profile.hamt_fanout);
  }
  if (profile.cid_version != 0 && profile.cid_version != 1) {
    return fail(Errc::invalid_argument, "CIDs have the version 0 or 1, not {}.",
                profile.cid_version);
  }
  if (profile.hash == HashCode::identity) {
    return fail(Errc::unsupported, "Files are not cut into blocks that are their own names.");
  }
  if (profile.cid_version == 0 && profile.hash != HashCode::sha2_256) {
    return fail(Errc::invalid_argument, "CIDv0 knows sha2-256 only, not {}; take CIDv1.",
                hash_name(profile.hash));
  }
  return {};
}

Multihash hash_block(const ImportProfile& profile, ByteView block) {
  return *hash_with(profile.hash, block);  // check() let no other function pass.
}

}  // namespace accel::ipld
