// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tables of the index mean: places of blocks, files, roots, pins, numbers. Functions over
// a transaction. Private to blockstore. Spec: docs/formats/store.md, "Index".

#include <optional>
#include <string_view>
#include <vector>

#include "accel/ipld/cid.hpp"
#include "index.hpp"
#include "records.hpp"

namespace accel::blockstore {

inline constexpr std::string_view kVersionKey = "version";
inline constexpr std::string_view kNextFile = "next_file";
inline constexpr std::string_view kNextPack = "next_pack";

Result<std::optional<std::uint64_t>> get_number(const Txn& txn, Table table, ByteView key);
// Counts up from 1; numbers are never used again, so a stale place can't name a new file.
Result<std::uint64_t> next_number(Txn& txn, std::string_view name);

// Places of a block.
Result<std::vector<Place>> get_places(const Txn& txn, const ipld::Multihash& hash);
Result<bool> has_block(const Txn& txn, const ipld::Multihash& hash);
// One place for each file or pack is enough: in a file the first stays, in a pack the new one
// replaces it (it was written because the old one was damaged). Sets born.
Status add_place(Txn& txn, const ipld::Multihash& hash, Place place);

// Files. add_file() gives the new id and sets born.
Result<std::optional<FileRecord>> get_file(const Txn& txn, std::uint64_t id);
Result<std::uint64_t> add_file(Txn& txn, FileRecord record);
Status erase_file(Txn& txn, std::uint64_t id, const ipld::Cid& root);
struct StoredFile {
  std::uint64_t id = 0;
  FileRecord record;
};
// The files that hold this root as a whole, owned ones first.
Result<std::vector<StoredFile>> files_of_root(const Txn& txn, const ipld::Cid& root);

Result<std::optional<PinRecord>> get_pin(const Txn& txn, const ipld::Cid& root);
Status put_pin(Txn& txn, const PinRecord& pin);
Result<std::vector<PinRecord>> all_pins(const Txn& txn);

}  // namespace accel::blockstore
