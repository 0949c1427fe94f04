// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a CID to its bytes: looks the places up, opens the file or pack, checks what has to be
// checked. Blocks from packs and referenced files are hashed each time; slices of owned files only
// when the file's stat has changed. Private to blockstore. Thread-safe.
// Spec: docs/formats/store.md, "Reading".

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/blockstore/reports.hpp"
#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "records.hpp"
#include "store_core.hpp"
#include "tables.hpp"

namespace accel::blockstore {

// A place with the record of its file.
struct FoundPlace {
  Place place;
  std::optional<FileRecord> file;  // For places in files.

  std::string describe(const Layout& layout) const;  // "packs/00000001.pack at 4096"
};

Result<FileStamp> stamp_of(int fd);

// An open file of the store. trusted: its stat is what it was when it was verified, so it is served
// without hashing. Errors: not_found (owned and gone), unavailable (referenced and gone), corrupt
// (referenced and changed); each names the file.
struct OpenedFile {
  UniqueFd fd;
  bool trusted = false;
};
Result<OpenedFile> open_stored(const Layout& layout, const FileRecord& record);
std::filesystem::path stored_path(const Layout& layout, const FileRecord& record);

Result<std::vector<FoundPlace>> find_places(const StoreCore& core, const ipld::Cid& cid);
Result<std::vector<FoundPlace>> find_places(const Txn& txn, const ipld::Cid& cid);
// The first of these places that gives the block whole. Errors: the last place's; not_found also
// when gc has just moved the block elsewhere.
Result<Bytes> read_any_place(const StoreCore& core, const ipld::Cid& cid,
                             const std::vector<FoundPlace>& places);
// The block, taken from the first place that gives it whole. Errors: not_found, corrupt,
// unavailable.
Result<Bytes> read_block(const StoreCore& core, const ipld::Cid& cid);
// The bytes at one place as they lie there. believed: an owned file that is as it was indexed.
struct LoadedBlock {
  Bytes bytes;
  bool believed = false;
};
Result<LoadedBlock> load_place(const StoreCore& core, const ipld::Cid& cid,
                               const FoundPlace& found);
// From one place; hash: even if it could be trusted.
Result<Bytes> read_place(const StoreCore& core, const ipld::Cid& cid, const FoundPlace& found,
                         bool hash);
// From memory alone, when it may be served: not hidden, and in a pack or a file of our own, as
// read_block() found it after the last write.
std::shared_ptr<const Bytes> cached_public_block(const StoreCore& core, const ipld::Cid& cid);
Result<BlockPlace> locate_block(const StoreCore& core, const ipld::Cid& cid);
Result<std::uint64_t> block_size(const StoreCore& core, const ipld::Cid& cid);

tl::unexpected<Error> no_block(const StoreCore& core, const ipld::Cid& cid);

}  // namespace accel::blockstore
