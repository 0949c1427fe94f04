// SPDX-License-Identifier: Apache-2.0
#include "result_rows.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "vector_reader.hpp"

namespace accel::db::detail {
namespace {

struct TypeRow {
  duckdb_type id;
  std::string_view name;
};

constexpr TypeRow kTypes[]{{DUCKDB_TYPE_BOOLEAN, "BOOLEAN"},
                           {DUCKDB_TYPE_TINYINT, "TINYINT"},
                           {DUCKDB_TYPE_SMALLINT, "SMALLINT"},
                           {DUCKDB_TYPE_INTEGER, "INTEGER"},
                           {DUCKDB_TYPE_BIGINT, "BIGINT"},
                           {DUCKDB_TYPE_UTINYINT, "UTINYINT"},
                           {DUCKDB_TYPE_USMALLINT, "USMALLINT"},
                           {DUCKDB_TYPE_UINTEGER, "UINTEGER"},
                           {DUCKDB_TYPE_UBIGINT, "UBIGINT"},
                           {DUCKDB_TYPE_FLOAT, "FLOAT"},
                           {DUCKDB_TYPE_DOUBLE, "DOUBLE"},
                           {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP"},
                           {DUCKDB_TYPE_DATE, "DATE"},
                           {DUCKDB_TYPE_TIME, "TIME"},
                           {DUCKDB_TYPE_INTERVAL, "INTERVAL"},
                           {DUCKDB_TYPE_HUGEINT, "HUGEINT"},
                           {DUCKDB_TYPE_UHUGEINT, "UHUGEINT"},
                           {DUCKDB_TYPE_VARCHAR, "VARCHAR"},
                           {DUCKDB_TYPE_BLOB, "BLOB"},
                           {DUCKDB_TYPE_DECIMAL, "DECIMAL"},
                           {DUCKDB_TYPE_ENUM, "ENUM"},
                           {DUCKDB_TYPE_LIST, "LIST"},
                           {DUCKDB_TYPE_STRUCT, "STRUCT"},
                           {DUCKDB_TYPE_MAP, "MAP"},
                           {DUCKDB_TYPE_ARRAY, "ARRAY"},
                           {DUCKDB_TYPE_UUID, "UUID"},
                           {DUCKDB_TYPE_UNION, "UNION"},
                           {DUCKDB_TYPE_BIT, "BIT"},
                           {DUCKDB_TYPE_SQLNULL, "NULL"},
                           {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE"},
                           {DUCKDB_TYPE_TIME_TZ, "TIME WITH TIME ZONE"},
                           {DUCKDB_TYPE_BIGNUM, "BIGNUM"},
                           {DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S"},
                           {DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS"},
                           {DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS"}};

std::string_view type_name(duckdb_type id) {
  for (const TypeRow& row : kTypes) {
    if (row.id == id) return row.name;
  }
  return "UNKNOWN";
}

std::size_t bytes_of(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return sizeof(Value) + (text != nullptr ? text->size() : 0);
}

// Appends the chunk's rows column by column; returns how many bytes they take.
Result<std::size_t> append_chunk(const DuckDb& api, duckdb_data_chunk chunk, idx_t rows,
                                 Table& table) {
  const std::size_t first = table.rows.size();
  table.rows.resize(first + rows, Row(table.columns.size()));
  std::size_t bytes = 0;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    const VectorReader reader(api, api.data_chunk_get_vector(chunk, column));
    for (idx_t row = 0; row < rows; ++row) {
      std::optional<Value> value = reader.at(row);
      if (!value) {
        return fail(Errc::unsupported, "Column {} has the type {}; cast it to VARCHAR.",
                    table.columns[column].name, table.columns[column].type);
      }
      bytes += bytes_of(*value);
      table.rows[first + row][column] = std::move(*value);
    }
  }
  return bytes;
}

}  // namespace

std::vector<Column> columns_of(const DuckDb& api, duckdb_result& result) {
  std::vector<Column> columns;
  for (idx_t i = 0; i < api.column_count(&result); ++i) {
    duckdb_logical_type type = api.column_logical_type(&result, i);
    columns.push_back({api.column_name(&result, i), std::string(type_name(api.get_type_id(type)))});
    api.destroy_logical_type(&type);
  }
  return columns;
}

Status fetch_rows(const DuckDb& api, duckdb_result& result, const RowLimits& limits, Table& table) {
  std::size_t bytes = 0;
  const auto destroy = [&api](duckdb_data_chunk raw) { api.destroy_data_chunk(&raw); };
  using Chunk = std::unique_ptr<std::remove_pointer_t<duckdb_data_chunk>, decltype(destroy)>;
  while (const Chunk chunk{api.fetch_chunk(result), destroy}) {
    const idx_t size = api.data_chunk_get_size(chunk.get());
    const idx_t room = limits.rows - table.rows.size();
    ACCEL_TRY(const std::size_t added, append_chunk(api, chunk.get(), std::min(size, room), table));
    bytes += added;
    table.truncated = size > room || bytes > limits.bytes;
    if (table.truncated) return {};
  }
  if (const char* words = api.result_error(&result); words != nullptr) {
    return fail(error_from_duckdb("The query failed", words));
  }
  return {};
}

}  // namespace accel::db::detail
