// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which tables and columns a journal record may fill, and what a value must be. One table in code,
// so that a writer's mistake is refused when it is appended and not when somebody else ingests it.

#include <span>
#include <string>
#include <string_view>

#include "accel/db/journal.hpp"

namespace accel::db::detail {

enum class ColumnType {
  text,
  integer,   // Not negative: counts, sizes.
  positive,  // From 1, 32 bits.
  number,    // Finite and not negative: durations, rates.
  boolean,
  time,        // RFC 3339 in UTC: 2026-11-21T10:40:00.123Z
  json,        // An object or array, kept as JSON text.
  sha256,      // 64 lower-case hex digits.
  source,      // Of bytes: cache, p2p, ipfs, gateway, range, local.
  provenance,  // measured, predicted, simulated, reported
};

struct ColumnSpec {
  std::string_view name;
  ColumnType type;
  bool required = false;
};

struct TableSpec {
  std::string_view table;
  std::string_view member;    // The record's member that holds its row or rows.
  bool many = false;          // The member is an array of rows.
  bool required = false;      // A record without the member is refused.
  bool replace = false;       // A newer row replaces one with the same key (models, platforms).
  std::string_view key = {};  // The key column.
  std::string_view parent =
      {};  // The column that takes the record's id; may be the key; may be empty.
  std::span<const ColumnSpec> columns;
};

// The tables of a kind of record, in the order in which they are filled.
std::span<const TableSpec> tables_of(RecordKind kind);

}  // namespace accel::db::detail
