// SPDX-License-Identifier: Apache-2.0
#include "kv.hpp"

namespace accel::blockstore {
namespace {

Status check_space(std::string_view space) {
  if (!space.empty() && space.size() <= kMaxKvSpaceBytes && space.find('\0') == space.npos) {
    return {};
  }
  return fail(Errc::invalid_argument, "A space of small values has a name of 1 to {} bytes.",
              kMaxKvSpaceBytes);
}

Result<std::string> full_key(std::string_view space, std::string_view key) {
  ACCEL_CHECK(check_space(space));
  if (key.empty() || key.size() > kMaxKvKeyBytes) {
    return fail(Errc::invalid_argument, "A key has 1 to {} bytes; this one has {}.", kMaxKvKeyBytes,
                key.size());
  }
  std::string full(space);
  full.push_back('\0');
  return full.append(key);
}

Status check_value(std::string_view value) {
  if (value.size() <= kMaxKvValueBytes) return {};
  return fail(Errc::invalid_argument, "A small value has at most {} bytes; this one has {}.",
              kMaxKvValueBytes, value.size());
}

}  // namespace

Result<std::optional<std::string>> read_kv(Index& index, std::string_view space,
                                           std::string_view key) {
  ACCEL_TRY(const std::string full, full_key(space, key));
  std::optional<std::string> value;
  const Status looked = index.read([&](const Txn& txn) -> Status {
    ACCEL_TRY(const auto found, txn.get(Table::kv, as_bytes(full)));
    if (found) value = std::string(as_text(*found));
    return {};
  });
  ACCEL_CHECK(looked);
  return value;
}

Status apply_kv(Index& index, const std::vector<KvChange>& changes) {
  std::vector<std::string> keys;
  for (const KvChange& change : changes) {
    ACCEL_TRY(keys.emplace_back(), full_key(change.space, change.key));
    ACCEL_CHECK(check_value(change.value.value_or("")));
  }
  return index.write([&](Txn& txn) -> Status {
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const auto& value = changes[i].value;
      ACCEL_CHECK(value ? txn.put(Table::kv, as_bytes(keys[i]), as_bytes(*value))
                        : txn.erase(Table::kv, as_bytes(keys[i])));
    }
    return {};
  });
}

Status write_kv(Index& index, std::string_view space, std::string_view key, std::string_view value,
                bool only_new) {
  ACCEL_TRY(const std::string full, full_key(space, key));
  ACCEL_CHECK(check_value(value));
  return index.write([&](Txn& txn) -> Status {
    if (!only_new) return txn.put(Table::kv, as_bytes(full), as_bytes(value));
    ACCEL_TRY(const bool added, txn.put_new(Table::kv, as_bytes(full), as_bytes(value)));
    if (added) return {};
    ACCEL_TRY(const auto found, txn.get(Table::kv, as_bytes(full)));
    return fail(Errc::already_exists, "\"{}\" is taken already: it stands for {}.", key,
                found ? as_text(*found) : "");
  });
}

Status erase_kv(Index& index, std::string_view space, std::string_view key) {
  ACCEL_TRY(const std::string full, full_key(space, key));
  return index.write([&](Txn& txn) { return txn.erase(Table::kv, as_bytes(full)); });
}

Result<KvList> list_kv(Index& index, std::string_view space) {
  ACCEL_CHECK(check_space(space));
  std::string prefix(space);
  prefix.push_back('\0');
  KvList list;
  ACCEL_CHECK(index.read([&](const Txn& txn) -> Status {
    return txn.each(Table::kv, as_bytes(prefix), [&](ByteView key, ByteView value) -> Result<bool> {
      const std::string_view full = as_text(key);
      if (!full.starts_with(prefix)) return false;
      list.emplace_back(full.substr(prefix.size()), as_text(value));
      return true;
    });
  }));
  return list;
}

}  // namespace accel::blockstore
