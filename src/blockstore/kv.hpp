// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small values in the index, in spaces. Private to blockstore. Thread-safe.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "index.hpp"

namespace accel::blockstore {

using KvList = std::vector<std::pair<std::string, std::string>>;

Result<std::optional<std::string>> read_kv(Index& index, std::string_view space,
                                           std::string_view key);
// only_new: an existing key is an error.
Status write_kv(Index& index, std::string_view space, std::string_view key, std::string_view value,
                bool only_new);
// All or none, in one commit. Absent is no error where something is erased.
Status apply_kv(Index& index, const std::vector<KvChange>& changes);
Status erase_kv(Index& index, std::string_view space, std::string_view key);
Result<KvList> list_kv(Index& index, std::string_view space);

}  // namespace accel::blockstore
