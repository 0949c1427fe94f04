// SPDX-License-Identifier: Apache-2.0
// Queries of strangers. Three walls, each of which would do: the text is parsed and screened, the
// transaction is read-only, and the database was opened without any way out (database.cpp).
#include <atomic>

#include "accel/core/async/ticker.hpp"
#include "accel/core/bytes.hpp"
#include "accel/core/process.hpp"
#include "database_impl.hpp"
#include "sql_screen.hpp"

namespace accel::db {
namespace {

using detail::Connection;
using detail::Statement;

constexpr Duration kWatchInterval = std::chrono::milliseconds(10);

// Watches one query from another thread and interrupts it at a limit.
class Watch {
 public:
  Watch(const Connection& connection, const QueryLimits& limits, const std::stop_token& stop)
      : connection_(connection),
        limits_(limits),
        stop_(stop),
        deadline_(system_clock().now() + limits.time),
        before_(resident_bytes()),
        ticker_(kWatchInterval, [this] { look(); }) {}

  // Why the query was interrupted, if it was; else the error that it ended with.
  Error explain(Error error) const {
    switch (reason_.load()) {
      case Reason::stopped:
        return {Errc::cancelled, "The query was cancelled.", {}};
      case Reason::late:
        return {
            Errc::timeout,
            fmt::format("The query took longer than {:.3g} s; ask for less, or raise the limit.",
                        to_ms(limits_.time) / 1e3),
            {}};
      case Reason::fat:
        return {Errc::resource_exhausted,
                fmt::format("The query was stopped: the process grew by more than {} meanwhile.",
                            human_bytes(limits_.growth_bytes)),
                {}};
      case Reason::none:
        return error;
    }
    return error;
  }

 private:
  enum class Reason { none, stopped, late, fat };

  void look() {
    Reason reason = Reason::none;
    if (stop_.stop_requested()) reason = Reason::stopped;
    if (system_clock().now() >= deadline_) reason = Reason::late;
    if (resident_bytes() > before_ + limits_.growth_bytes) reason = Reason::fat;
    if (reason == Reason::none && reason_ == Reason::none) return;
    if (reason_ == Reason::none) reason_ = reason;
    connection_.interrupt();  // Again at each tick: one that comes between two steps is lost.
  }

  const Connection& connection_;
  QueryLimits limits_;
  std::stop_token stop_;
  SteadyTime deadline_;
  std::uint64_t before_;
  std::atomic<Reason> reason_{Reason::none};
  Ticker ticker_;
};

Result<Table> run_select(const Connection& connection, std::string_view sql,
                         const QueryLimits& limits) {
  ACCEL_TRY(const Statement statement, Statement::prepare(connection, sql));
  if (statement.type() != DUCKDB_STATEMENT_TYPE_SELECT) {
    return fail(Errc::permission_denied, "Only a SELECT may run here.");
  }
  if (statement.parameters() != 0) {
    return fail(Errc::invalid_argument, "The query has parameters; write their values out.");
  }
  return statement.run_streaming({limits.rows, limits.result_bytes});
}

}  // namespace

Result<Table> Database::query_read_only(std::string_view sql, const QueryLimits& limits,
                                        std::stop_token stop) {
  if (sql.size() > kMaxSqlBytes || sql.find('\0') != std::string_view::npos) {
    return fail(Errc::invalid_argument, "A query is text without NUL of at most {} bytes.",
                kMaxSqlBytes);
  }
  ACCEL_TRY(const Connection connection, Connection::open(impl_->api, impl_->handle));
  ACCEL_CHECK(detail::screen_sql(connection, sql));
  ACCEL_CHECK(connection.run("BEGIN TRANSACTION READ ONLY"));
  const Watch watch(connection, limits, stop);
  Result<Table> table = run_select(connection, sql, limits);  // Disconnecting ends the transaction.
  if (!table) return fail(watch.explain(std::move(table).error()));
  return table;
}

}  // namespace accel::db
