// SPDX-License-Identifier: Apache-2.0
#include "appender.hpp"

#include <utility>

namespace accel::db::detail {
namespace {

struct ValueAppender {
  const DuckDb& api;
  duckdb_appender appender;
  duckdb_state operator()(Null) const { return api.append_null(appender); }
  duckdb_state operator()(bool value) const { return api.append_bool(appender, value); }
  duckdb_state operator()(std::int64_t value) const { return api.append_int64(appender, value); }
  duckdb_state operator()(double value) const { return api.append_double(appender, value); }
  duckdb_state operator()(const std::string& value) const {
    return api.append_varchar_length(appender, value.data(), value.size());
  }
};

}  // namespace

Result<Appender> Appender::open(const Connection& connection, const std::string& table,
                                const std::vector<std::string>& columns) {
  const DuckDb& api = connection.api();
  duckdb_appender raw = nullptr;
  const auto state = api.appender_create(connection.get(), nullptr, table.c_str(), &raw);
  Appender appender(api, raw, columns.size());
  ACCEL_CHECK(appender.check(state));
  for (const std::string& column : columns) {
    ACCEL_CHECK(appender.check(api.appender_add_column(raw, column.c_str())));
  }
  return appender;
}

Appender::Appender(Appender&& other) noexcept
    : api_(other.api_),
      appender_(std::exchange(other.appender_, nullptr)),
      columns_(other.columns_) {}

Appender::~Appender() {
  if (appender_ != nullptr) api_->appender_destroy(&appender_);
}

Status Appender::append(const Row& row) {
  if (row.size() != columns_) {
    return fail(Errc::invalid_argument, "A row has {} values for {} columns.", row.size(),
                columns_);
  }
  for (const Value& value : row) {
    ACCEL_CHECK(check(std::visit(ValueAppender{*api_, appender_}, value)));
  }
  return check(api_->appender_end_row(appender_));
}

Status Appender::close() { return check(api_->appender_close(appender_)); }

Status Appender::check(duckdb_state state) const {
  if (state == DuckDBSuccess) return {};
  return fail(error_from_duckdb("The database refused a row", api_->appender_error(appender_)));
}

}  // namespace accel::db::detail
