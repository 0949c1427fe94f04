// SPDX-License-Identifier: Apache-2.0
#pragma once
// add(): from files and folders on disk to CIDs, in one pass over each file. The leaves of a large
// file are spread over the CPUs, and so are the files of a folder. Private to blockstore; one
// object per call. Spec: ipfs/specs src/unixfs.md; docs/formats/store.md, "Adding".

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accel/blockstore/options.hpp"
#include "accel/blockstore/reports.hpp"
#include "accel/core/file.hpp"
#include "accel/ipld/directory.hpp"
#include "accel/ipld/file_layout.hpp"
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
  // A file that was read and, unless it is referenced, copied.
  struct Hashed {
    FileStamp stamp;
    ipld::UnixFsMeta meta;
    LeafPlan plan;
    LeafDigests digests;
    std::filesystem::path copy = {};  // Empty: none.
    FileStamp copy_stamp = {};
  };
  // A file of a folder that is hashed together with others, ahead of its turn.
  struct Ahead {
    std::size_t index = 0;  // Among the entries.
    std::filesystem::path path = {};
    std::filesystem::path copy = {};
    std::uint64_t bytes = 0;
    std::size_t leaves = 0;
  };
  using Window = std::vector<std::optional<Hashed>>;
  Result<std::filesystem::path> source_of(const std::filesystem::path& path) const;
  Status scan(const std::filesystem::path& given, int depth);
  Result<AddedRoot> attempt(const std::filesystem::path& path, bool reuse);
  Result<Node> add_any(const std::filesystem::path& given);
  Result<Node> add_folder(const std::filesystem::path& path, const ipld::UnixFsMeta& meta);
  Result<Node> add_symlink(const std::filesystem::path& path, ipld::UnixFsMeta meta);
  Result<Node> add_file(const std::filesystem::path& path);
  Result<Node> add_small(const std::filesystem::path& path, const OpenSource& source);
  Result<Node> add_open(const std::filesystem::path& path, OpenSource& source, LeafPlan plan);
  Result<Node> add_blocks(const std::filesystem::path& path, const OpenSource& source,
                          const LeafPlan& plan);
  Result<Node> add_large(const std::filesystem::path& path, OpenSource& source, LeafPlan plan);
  Result<LeafDigests> copy_and_hash(const std::filesystem::path& path, const OpenSource& source,
                                    const LeafPlan& plan, const UniqueFd& copy);
  std::unique_ptr<ipld::FileLayout> layout_of_file();
  Result<Node> keep(const std::filesystem::path& path, Hashed file);
  Result<Node> build(const Hashed& file);
  // importer_window.cpp
  Result<Window> hash_ahead(std::span<const std::filesystem::path> entries);
  Result<std::vector<Ahead>> plan_ahead(std::span<const std::filesystem::path> entries);
  Status hash_group(std::span<const Ahead> group, LeafBatch& batch, Window& window);
  Status read_ahead(const Ahead& file, std::optional<Hashed>& hashed, LeafBatch& batch);
  Result<Node> build_folder(std::vector<ipld::DirectoryEntry> children,
                            const ipld::UnixFsMeta& meta);
  Result<Node> wrapped(const std::filesystem::path& path, Node node);
  ipld::UnixFsMeta meta_of(const struct ::stat& info) const;
  bool owns_copies() const { return session_ != nullptr && !options_.reference; }
  bool goes_to_a_pack(std::size_t leaves, std::uint64_t bytes, const ipld::UnixFsMeta& meta) const;
  Result<FileStamp> seal(const UniqueFd& copy) const;
  static tl::unexpected<Error> changed(const std::filesystem::path& path);
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
