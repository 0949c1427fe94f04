// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/profile.hpp"

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

}  // namespace accel::ipld
