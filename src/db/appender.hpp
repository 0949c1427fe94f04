// SPDX-License-Identifier: Apache-2.0
#pragma once
// DuckDB's appender: many rows into one table without a statement each.

#include <string>
#include <vector>

#include "accel/db/value.hpp"
#include "statement.hpp"

namespace accel::db::detail {

class Appender {
 public:
  // Errors: invalid_argument (no such table or column).
  static Result<Appender> open(const Connection& connection, const std::string& table,
                               const std::vector<std::string>& columns);
  Appender(Appender&& other) noexcept;
  Appender& operator=(Appender&&) = delete;
  ~Appender();  // Without close() nothing is promised.

  // The row has a value for each column. Errors: invalid_argument (a value that can't be cast).
  Status append(const Row& row);
  // Errors: invalid_argument, already_exists (a constraint): then none of the rows is in.
  Status close();

 private:
  Appender(const DuckDb& api, duckdb_appender appender, std::size_t columns)
      : api_(&api), appender_(appender), columns_(columns) {}
  Status check(duckdb_state state) const;

  const DuckDb* api_;
  duckdb_appender appender_;
  std::size_t columns_;
};

}  // namespace accel::db::detail
