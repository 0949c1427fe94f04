// SPDX-License-Identifier: Apache-2.0
#pragma once
// DuckDB's result chunks as rows of Values.

#include "accel/db/value.hpp"
#include "duckdb_api.hpp"

namespace accel::db::detail {

std::vector<Column> columns_of(const DuckDb& api, duckdb_result& result);

struct RowLimits {
  std::size_t rows = SIZE_MAX;
  std::size_t bytes = SIZE_MAX;
};

// Fetches chunk by chunk until the result or a limit ends; then table.truncated is set.
// Errors: unsupported (a column type without text form here); those of a query that runs while it
// is fetched.
Status fetch_rows(const DuckDb& api, duckdb_result& result, const RowLimits& limits, Table& table);

}  // namespace accel::db::detail
