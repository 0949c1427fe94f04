// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a directory is one block or sharded: what a profile counts against its threshold.
// Private to ipld.

#include <cstdint>

#include "accel/ipld/directory.hpp"
#include "accel/ipld/profile.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::ipld::detail {

// What one entry adds to the size.
std::uint64_t entry_size(const ImportProfile& profile, const DirectoryEntry& entry);

class FolderSize {
 public:
  FolderSize(const ImportProfile& profile, const UnixFsMeta& meta);

  void add(const DirectoryEntry& entry) {
    bytes_ += entry_size(profile_, entry);
    ++entries_;
  }
  std::uint64_t bytes() const { return bytes_; }
  // One block holds it. The threshold itself still does.
  bool fits() const {
    return bytes_ <= profile_.hamt_threshold &&
           (profile_.max_directory_links == 0 || entries_ <= profile_.max_directory_links);
  }

 private:
  const ImportProfile& profile_;
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
};

// The node of a directory of one block, whatever its size; entries checked and sorted.
BuiltBlock encode_directory(const ImportProfile& profile, std::vector<DirectoryEntry> entries,
                            const UnixFsMeta& meta);

// Sorts by name. Errors: invalid_argument (a bad name, a name given twice).
Status check_and_sort(std::vector<DirectoryEntry>& entries);

}  // namespace accel::ipld::detail
