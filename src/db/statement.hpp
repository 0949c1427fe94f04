// SPDX-License-Identifier: Apache-2.0
#pragma once
// Owners of DuckDB's handles. One thread at a time a connection.

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "accel/db/value.hpp"
#include "duckdb_api.hpp"
#include "result_rows.hpp"

namespace accel::db::detail {

class Connection {
 public:
  static Result<Connection> open(const DuckDb& api, duckdb_database database);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  const DuckDb& api() const { return *api_; }
  duckdb_connection get() const { return connection_; }
  void interrupt() const { api_->interrupt(connection_); }  // From any thread.

  // One or more statements without parameters and without a result.
  Status run(const std::string& sql) const;

 private:
  Connection(const DuckDb& api, duckdb_connection connection)
      : api_(&api), connection_(connection) {}
  const DuckDb* api_;
  duckdb_connection connection_;
};

// A result, destroyed with this.
class QueryResult {
 public:
  explicit QueryResult(const DuckDb& api) : api_(&api) {}
  QueryResult(const QueryResult&) = delete;
  QueryResult& operator=(const QueryResult&) = delete;
  ~QueryResult() { api_->destroy_result(&result_); }
  duckdb_result& get() { return result_; }
  const char* error() { return api_->result_error(&result_); }

 private:
  const DuckDb* api_;
  duckdb_result result_{};
};

class Statement {
 public:
  // Errors: invalid_argument (also more than one statement).
  static Result<Statement> prepare(const Connection& connection, std::string_view sql);
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  duckdb_statement_type type() const { return api_->prepared_statement_type(statement_); }
  std::size_t parameters() const { return api_->nparams(statement_); }
  Status bind(const Row& parameters) const;
  // The whole result, in memory.
  Result<Table> run() const;
  // The result as it is made: nothing beyond the limits is computed.
  Result<Table> run_streaming(const RowLimits& limits) const;

 private:
  Statement(const DuckDb& api, duckdb_prepared_statement statement)
      : api_(&api), statement_(statement) {}
  Status bind_one(idx_t index, const Value& value) const;

  const DuckDb* api_;
  duckdb_prepared_statement statement_;
};

}  // namespace accel::db::detail
