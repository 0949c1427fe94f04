// SPDX-License-Identifier: Apache-2.0
#include "tables.hpp"

#include <algorithm>

#include "layout.hpp"

namespace accel::blockstore {

Result<std::optional<std::uint64_t>> get_number(const Txn& txn, Table table, ByteView key) {
  ACCEL_TRY(const auto value, txn.get(table, key));
  if (!value) return std::optional<std::uint64_t>{};
  ACCEL_TRY(const std::uint64_t number, decode_u64(*value));
  return std::optional<std::uint64_t>(number);
}

Result<std::uint64_t> next_number(Txn& txn, std::string_view name) {
  ACCEL_TRY(const auto last, get_number(txn, Table::meta, as_bytes(name)));
  const std::uint64_t next = last.value_or(0) + 1;
  ACCEL_CHECK(txn.put(Table::meta, as_bytes(name), encode_u64(next)));
  return next;
}

Result<std::vector<Place>> get_places(const Txn& txn, const ipld::Multihash& hash) {
  std::vector<Place> places;
  const Status listed =
      txn.each_value(Table::blocks, hash.bytes(), [&](ByteView value) -> Result<bool> {
        ACCEL_TRY(places.emplace_back(), decode_place(value));
        return true;
      });
  ACCEL_CHECK(listed);
  return places;
}

Result<bool> has_block(const Txn& txn, const ipld::Multihash& hash) {
  ACCEL_TRY(const auto value, txn.get(Table::blocks, hash.bytes()));
  return value.has_value();
}

Status add_place(Txn& txn, const ipld::Multihash& hash, Place place) {
  ACCEL_TRY(const auto places, get_places(txn, hash));
  for (const Place& other : places) {
    if (other.in_file() != place.in_file() || other.container != place.container) continue;
    if (place.in_file()) return {};
    ACCEL_CHECK(txn.erase_value(Table::blocks, hash.bytes(), encode(other)));
  }
  place.born = txn.id();
  return txn.put(Table::blocks, hash.bytes(), encode(place));
}

Result<std::optional<FileRecord>> get_file(const Txn& txn, std::uint64_t id) {
  ACCEL_TRY(const auto value, txn.get(Table::files, encode_u64(id)));
  if (!value) return std::optional<FileRecord>{};
  ACCEL_TRY(FileRecord record, decode_file(*value));
  return std::optional<FileRecord>(std::move(record));
}

Result<std::uint64_t> add_file(Txn& txn, FileRecord record) {
  ACCEL_TRY(const std::uint64_t id, next_number(txn, kNextFile));
  record.born = txn.id();
  ACCEL_CHECK(txn.put(Table::files, encode_u64(id), encode(record)));
  ACCEL_CHECK(txn.put(Table::roots, root_key(record.root), encode_u64(id)));
  return id;
}

Status erase_file(Txn& txn, std::uint64_t id, const ipld::Cid& root) {
  ACCEL_CHECK(txn.erase(Table::files, encode_u64(id)));
  return txn.erase_value(Table::roots, root_key(root), encode_u64(id));
}

Result<std::vector<StoredFile>> files_of_root(const Txn& txn, const ipld::Cid& root) {
  std::vector<std::uint64_t> ids;
  const Status listed =
      txn.each_value(Table::roots, root_key(root), [&](ByteView value) -> Result<bool> {
        ACCEL_TRY(ids.emplace_back(), decode_u64(value));
        return true;
      });
  ACCEL_CHECK(listed);
  std::vector<StoredFile> files;
  for (const std::uint64_t id : ids) {
    ACCEL_TRY(auto record, get_file(txn, id));
    if (record) files.push_back({id, *std::move(record)});
  }
  std::stable_partition(files.begin(), files.end(),
                        [](const StoredFile& file) { return !file.record.referenced; });
  return files;
}

Result<std::optional<PinRecord>> get_pin(const Txn& txn, const ipld::Cid& root) {
  ACCEL_TRY(const auto value, txn.get(Table::pins, root_key(root)));
  if (!value) return std::optional<PinRecord>{};
  ACCEL_TRY(PinRecord pin, decode_pin(*value));
  return std::optional<PinRecord>(std::move(pin));
}

Status put_pin(Txn& txn, const PinRecord& pin) {
  return txn.put(Table::pins, root_key(pin.root), encode(pin));
}

Result<std::vector<PinRecord>> all_pins(const Txn& txn) {
  std::vector<PinRecord> pins;
  const Status listed = txn.each(Table::pins, {}, [&](ByteView, ByteView value) -> Result<bool> {
    ACCEL_TRY(pins.emplace_back(), decode_pin(value));
    return true;
  });
  ACCEL_CHECK(listed);
  return pins;
}

}  // namespace accel::blockstore
