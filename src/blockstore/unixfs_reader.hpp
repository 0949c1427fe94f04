// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files and folders out of blocks: cat, ls, paths. Private to blockstore. Thread-safe.
// Spec: ipfs/specs src/unixfs.md.

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "accel/blockstore/reports.hpp"
#include "accel/ipld/hamt.hpp"
#include "accel/ipld/node_view.hpp"
#include "block_reader.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

using Sink = std::function<Status(ByteView)>;

// A decoded block, with the bytes that its view borrows from.
struct LoadedNode {
  Bytes block;
  ipld::NodeView view;
};
Result<std::unique_ptr<LoadedNode>> load_node(const StoreCore& core, const ipld::Cid& cid);

// Hands out the entries of a folder, plain or sharded, of which `view` is the decoded block; memory
// does not grow with their number. Errors: as load_node(), those of a HAMT, on_entry's.
using OnEntry = std::function<Status(const ipld::DirectoryEntry&)>;
Status each_entry(const StoreCore& core, const ipld::Cid& folder, const ipld::NodeView& view,
                  const OnEntry& on_entry);

// The stored file of a root, opened; nothing if its bytes must be read block by block.
struct WholeFile {
  UniqueFd fd;
  FileRecord record;
};
Result<std::optional<WholeFile>> open_whole_file(const StoreCore& core, const ipld::Cid& root);

// The path of the file that holds this root whole; nothing if there is none that can be trusted.
// Errors: corrupt, unavailable (there is only a referenced one, and it was changed or is gone).
Result<std::optional<std::filesystem::path>> path_of_file(const StoreCore& core,
                                                          const ipld::Cid& root);

Status read_file_range(const StoreCore& core, const ipld::Cid& root, std::uint64_t offset,
                       std::uint64_t length, const Sink& sink);
Result<std::uint64_t> file_size_of(const StoreCore& core, const ipld::Cid& root);
Result<std::vector<DirEntry>> list_folder(const StoreCore& core, const ipld::Cid& folder);
Status each_entry(const StoreCore& core, const ipld::Cid& folder, const OnEntry& on_entry);
Result<ipld::Cid> resolve_path(const StoreCore& core, const ipld::Cid& root, std::string_view path);

}  // namespace accel::blockstore
