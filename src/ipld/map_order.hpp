// SPDX-License-Identifier: Apache-2.0
#pragma once
// The two orders in which formats write the entries of a map. Private to ipld.

#include <algorithm>
#include <string_view>
#include <vector>

#include "accel/ipld/value.hpp"

namespace accel::ipld::detail {

// dag-json: by bytes. (char_traits compares chars as unsigned.)
inline bool key_before(std::string_view left, std::string_view right) { return left < right; }

// dag-cbor: the shorter first, then by bytes.
inline bool short_key_before(std::string_view left, std::string_view right) {
  return left.size() != right.size() ? left.size() < right.size() : left < right;
}

using KeyOrder = bool (*)(std::string_view, std::string_view);

inline std::vector<const MapEntry*> sorted_entries(const Value::Map& map, KeyOrder before) {
  std::vector<const MapEntry*> entries;
  entries.reserve(map.size());
  for (const MapEntry& entry : map) entries.push_back(&entry);
  const auto by_key = [before](const MapEntry* a, const MapEntry* b) {
    return before(a->key, b->key);
  };
  if (!std::ranges::is_sorted(entries, by_key)) std::ranges::sort(entries, by_key);
  return entries;
}

// Errors: `code` (two entries have one key).
inline Status check_distinct_keys(const std::vector<const MapEntry*>& sorted, Errc code) {
  const auto twice = std::ranges::adjacent_find(
      sorted, {}, [](const MapEntry* entry) { return std::string_view(entry->key); });
  if (twice == sorted.end()) return {};
  return fail(code, "A map has two entries of one key, of {} bytes.", (*twice)->key.size());
}

}  // namespace accel::ipld::detail
