// SPDX-License-Identifier: Apache-2.0
#pragma once
// One column of a DuckDB chunk, read value by value.

#include <optional>
#include <string>
#include <string_view>

#include "accel/db/value.hpp"
#include "duckdb_api.hpp"

namespace accel::db::detail {

// Borrows the vector: valid as long as its chunk. Nested values become text, as DuckDB writes them.
class VectorReader {
 public:
  VectorReader(const DuckDb& api, duckdb_vector vector, int depth = 0);
  VectorReader(const VectorReader&) = delete;
  VectorReader& operator=(const VectorReader&) = delete;
  ~VectorReader();

  // nullopt: a type that has no value here (BIT, UNION, ...).
  std::optional<Value> at(idx_t row) const;

 private:
  template <class T>
  T& item(idx_t row) const {
    return static_cast<T*>(data_)[row];
  }
  std::optional<Value> number_at(idx_t row) const;
  std::optional<Value> time_at(idx_t row) const;
  std::optional<Value> other_at(idx_t row) const;

  Value decimal_at(idx_t row) const;
  std::string timestamp_text(std::int64_t micros) const;
  std::string_view string_at(idx_t row) const;
  std::string uuid_text(idx_t row) const;
  std::string enum_text(idx_t row) const;
  std::optional<Value> list_text(idx_t row) const;
  std::optional<Value> struct_text(idx_t row) const;

  const DuckDb& api_;
  duckdb_vector vector_;
  int depth_;
  duckdb_logical_type type_;
  duckdb_type id_;
  void* data_;
  const std::uint64_t* validity_;
};

}  // namespace accel::db::detail
