// SPDX-License-Identifier: Apache-2.0
#pragma once
// The data of a journal record, checked value by value and turned into rows of the database's
// tables.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accel/db/value.hpp"
#include "record_tables.hpp"

namespace accel::db::detail {

// The rows that a record puts into one table; each row has a value for each of the table's columns.
struct RecordRows {
  const TableSpec* table = nullptr;
  std::vector<Row> rows;
};

// Errors: invalid_argument (a value, a missing or an unknown member; says which).
Result<std::vector<RecordRows>> read_rows(RecordKind kind, const std::string& id,
                                          const nlohmann::json& data);

// 2026-11-21T10:40:00Z, with an optional fraction of up to six digits; a day that exists.
bool is_rfc3339_utc(std::string_view text);

}  // namespace accel::db::detail
