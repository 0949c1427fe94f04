// SPDX-License-Identifier: Apache-2.0
#pragma once
// add(): from files and folders on disk to CIDs, in one pass over each file. Private to blockstore;
// one object per call. Spec: ipfs/specs src/unixfs.md; docs/formats/store.md, "Adding".

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>

#include "accel/blockstore/options.hpp"
#include "accel/blockstore/reports.hpp"
#include "accel/core/file.hpp"
#include "accel/ipld/directory.hpp"
#include "import_session.hpp"
#include "leaf_hasher.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

// Files up to this size lie in packs: a folder of many small files costs no inode and sync each.
inline constexpr std::uint64_t kSmallFileBytes = 64U << 10U;
inline constexpr int kMaxFolderDepth = 100;

class Importer {
 public:
  Importer(StoreCore& core, const AddOptions& options) : core_(core), options_(options) {}
  Result<AddedRoot> run(const std::filesystem::path& path);

 private:
  struct Node {
    ipld::Cid cid;
    std::uint64_t dag_bytes = 0;
  };
  struct OpenSource {
    UniqueFd fd;
    FileStamp stamp;
    ipld::UnixFsMeta meta;
  };
  Result<std::filesystem::path> source_of(const std::filesystem::path& path) const;
  Status scan(const std::filesystem::path& given, int depth);
  Result<AddedRoot> attempt(const std::filesystem::path& path, bool reuse);
  Result<Node> add_any(const std::filesystem::path& given);
  Result<Node> add_folder(const std::filesystem::path& path, const ipld::UnixFsMeta& meta);
  Result<Node> add_symlink(const std::filesystem::path& path, ipld::UnixFsMeta meta);
  Result<Node> add_file(const std::filesystem::path& path);
  Result<Node> add_small(const std::filesystem::path& path, const OpenSource& source);
  Result<Node> add_large(const std::filesystem::path& path, OpenSource& source);
  Result<LeafDigests> copy_and_hash(const std::filesystem::path& path, const OpenSource& source,
                                    const UniqueFd& copy);
  Result<Node> build(const LeafDigests& digests, const OpenSource& source);
  Result<Node> build_folder(std::vector<ipld::DirectoryEntry> children,
                            const ipld::UnixFsMeta& meta);
  Result<Node> wrapped(const std::filesystem::path& path, Node node);
  ipld::UnixFsMeta meta_of(const struct ::stat& info) const;
  Result<FileRecord> owned_record(const UniqueFd& copy, const ipld::Cid& root);
  Result<OpenSource> open_source(const std::filesystem::path& path) const;
  Status check_unchanged(const std::filesystem::path& path, const OpenSource& source) const;
  Result<std::vector<std::filesystem::path>> entries(const std::filesystem::path& folder) const;
  Status put_block(const ipld::Cid& cid, ByteView block);
  void count(std::uint64_t bytes, const std::filesystem::path& path);

  StoreCore& core_;
  const AddOptions& options_;
  std::unique_ptr<ImportSession> session_;  // Null with only_hash.
  std::uint64_t bytes_total_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t links_out_ = 0;
  std::filesystem::path root_;
  std::mutex progress_mutex_;  // Leaves are counted by several threads.
  std::uint64_t bytes_done_ = 0;
  std::uint64_t bytes_told_ = 0;
};

}  // namespace accel::blockstore
