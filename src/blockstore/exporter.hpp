// SPDX-License-Identifier: Apache-2.0
#pragma once
// get: writes a file or folder out of the store. Every name is one path component, opened relative
// to its folder's descriptor and never through a link, so nothing lands outside of the output.
// Private to blockstore; one object per call.

#include <filesystem>
#include <string>

#include "accel/blockstore/options.hpp"
#include "accel/core/file.hpp"
#include "store_core.hpp"
#include "unixfs_reader.hpp"

namespace accel::blockstore {

class Exporter {
 public:
  Exporter(const StoreCore& core, const ExportOptions& options) : core_(core), options_(options) {}
  Status run(const ipld::Cid& root, const std::filesystem::path& out);

 private:
  // Where something is to be written: an entry of an open folder.
  struct Target {
    int folder = -1;
    std::string name;
    std::string shown;  // The path, for messages.
    int depth = 0;      // Below the output.
  };
  Status write_any(const ipld::Cid& cid, const Target& target);
  Status write_file(const ipld::Cid& cid, const ipld::UnixFsMeta& meta, const Target& target);
  Status write_content(const ipld::Cid& cid, const UniqueFd& fd);
  // A folder, plain or sharded, and its decoded block.
  struct Folder {
    const ipld::Cid& cid;
    const ipld::NodeView& view;
  };
  Status write_folder(const Folder& from, const Target& target);
  Status write_new_tree(const Folder& from, const Target& target);
  Status fill_folder(const Folder& from, const Target& target);
  Status write_symlink(const ipld::NodeView& view, const Target& target);
  Status replace(const std::string& temporary, const Target& target) const;
  Status replace_folder(const std::string& temporary, const Target& target) const;
  Status check_free(const Target& target) const;
  void count(std::uint64_t bytes);

  const StoreCore& core_;
  const ExportOptions& options_;
  std::uint64_t bytes_done_ = 0;
};

}  // namespace accel::blockstore
