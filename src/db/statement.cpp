// SPDX-License-Identifier: Apache-2.0
#include "statement.hpp"

#include <utility>

namespace accel::db::detail {

Result<Connection> Connection::open(const DuckDb& api, duckdb_database database) {
  duckdb_connection connection = nullptr;
  if (api.connect(database, &connection) != DuckDBSuccess) {
    return fail(Errc::internal, "DuckDB gave no connection to its own database.");
  }
  return Connection(api, connection);
}

Connection::Connection(Connection&& other) noexcept
    : api_(other.api_), connection_(std::exchange(other.connection_, nullptr)) {}

Connection::~Connection() {
  if (connection_ != nullptr) api_->disconnect(&connection_);
}

Status Connection::run(const std::string& sql) const {
  QueryResult result(*api_);
  if (api_->query(connection_, sql.c_str(), &result.get()) != DuckDBSuccess) {
    return fail(error_from_duckdb("The database refused a statement", result.error()));
  }
  return {};
}

Result<Statement> Statement::prepare(const Connection& connection, std::string_view sql) {
  const DuckDb& api = connection.api();
  duckdb_prepared_statement raw = nullptr;
  const auto state = api.prepare(connection.get(), std::string(sql).c_str(), &raw);
  Statement statement(api, raw);
  if (state != DuckDBSuccess) {
    return fail(error_from_duckdb("The database refused a statement", api.prepare_error(raw)));
  }
  return statement;
}

Statement::Statement(Statement&& other) noexcept
    : api_(other.api_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
  if (statement_ != nullptr) api_->destroy_prepare(&statement_);
}

Status Statement::bind(const Row& parameters) const {
  if (parameters.size() != this->parameters()) {
    return fail(Errc::invalid_argument, "The statement has {} parameters; {} were given.",
                this->parameters(), parameters.size());
  }
  api_->clear_bindings(statement_);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    ACCEL_CHECK(bind_one(i + 1, parameters[i]));
  }
  return {};
}

Status Statement::bind_one(idx_t index, const Value& value) const {
  struct Binder {
    const DuckDb& api;
    duckdb_prepared_statement statement;
    idx_t index;
    duckdb_state operator()(Null) const { return api.bind_null(statement, index); }
    duckdb_state operator()(bool v) const { return api.bind_boolean(statement, index, v); }
    duckdb_state operator()(std::int64_t v) const { return api.bind_int64(statement, index, v); }
    duckdb_state operator()(double v) const { return api.bind_double(statement, index, v); }
    duckdb_state operator()(const std::string& v) const {
      return api.bind_varchar_length(statement, index, v.data(), v.size());
    }
  };
  if (std::visit(Binder{*api_, statement_, index}, value) == DuckDBSuccess) return {};
  return fail(Errc::invalid_argument, "Parameter {} can't be bound: is its text not UTF-8?", index);
}

Result<Table> Statement::run() const {
  QueryResult result(*api_);
  if (api_->execute_prepared(statement_, &result.get()) != DuckDBSuccess) {
    return fail(error_from_duckdb("The database refused a statement", result.error()));
  }
  Table table;
  table.columns = columns_of(*api_, result.get());
  ACCEL_CHECK(fetch_rows(*api_, result.get(), {}, table));
  return table;
}

Result<Table> Statement::run_streaming(const RowLimits& limits) const {
  duckdb_pending_result pending = nullptr;
  QueryResult result(*api_);
  const auto destroy = [this](duckdb_pending_result* raw) { api_->destroy_pending(raw); };
  const std::unique_ptr<duckdb_pending_result, decltype(destroy)> guard(&pending, destroy);
  if (api_->pending_prepared_streaming(statement_, &pending) != DuckDBSuccess) {
    return fail(error_from_duckdb("The query failed", api_->pending_error(pending)));
  }
  if (api_->execute_pending(pending, &result.get()) != DuckDBSuccess) {
    return fail(error_from_duckdb("The query failed", result.error()));
  }
  Table table;
  table.columns = columns_of(*api_, result.get());
  ACCEL_CHECK(fetch_rows(*api_, result.get(), limits, table));
  return table;
}

}  // namespace accel::db::detail
