// SPDX-License-Identifier: Apache-2.0
#pragma once
// What crosses the border of the database: plain values and tables of them.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace accel::db {

using Null = std::monostate;
// Integers up to 64 bits, DECIMAL and REAL as double, text as UTF-8. Other types (timestamps as RFC
// 3339, dates, intervals, UUIDs, lists, ...) come as text; wider integers too when they don't fit.
using Value = std::variant<Null, bool, std::int64_t, double, std::string>;
using Row = std::vector<Value>;

struct Column {
  std::string name;
  std::string type;  // DuckDB's name: "VARCHAR", "TIMESTAMP", ...
};

struct Table {
  std::vector<Column> columns;
  std::vector<Row> rows;
  bool truncated = false;  // A limit cut the result: there were more rows.
};

std::string to_text(const Value& value);  // NULL is "".

}  // namespace accel::db
