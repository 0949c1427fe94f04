// SPDX-License-Identifier: Apache-2.0
// The schema's versions, up and down.
#include "database_impl.hpp"
#include "migrations.hpp"

namespace accel::db {
namespace {

using detail::Migration;

constexpr std::string_view kBookkeeping =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)";

}  // namespace

int Database::latest_version() { return detail::migrations().back().version; }

Result<int> Database::version() {
  ACCEL_TRY(const Table found,
            query("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_migrations'"));
  if (std::get<std::int64_t>(found.rows.at(0).at(0)) == 0) return 0;
  ACCEL_TRY(const Table table, query("SELECT coalesce(max(version), 0) FROM schema_migrations"));
  return static_cast<int>(std::get<std::int64_t>(table.rows.at(0).at(0)));
}

Status Database::migrate(const Clock& clock, int target) {
  const std::scoped_lock lock(impl_->mutex);
  if (target < 0) target = latest_version();
  ACCEL_TRY(int current, version());
  if (current > latest_version()) {
    return fail(Errc::unsupported,
                "The history database has the schema {}, this program knows {}; use the newer "
                "program for it.",
                current, latest_version());
  }
  if (target > latest_version()) {
    return fail(Errc::invalid_argument, "There is no schema {}; the latest is {}.", target,
                latest_version());
  }
  if (target == current) return {};
  ACCEL_CHECK(execute(kBookkeeping));
  for (; current < target; ++current) {
    const Migration& step = detail::migrations().at(static_cast<std::size_t>(current));
    const std::string now = to_rfc3339(clock.wall_now());
    const auto apply = [&]() -> Status {
      ACCEL_CHECK(impl_->main->run(std::string(step.up)));
      return execute("INSERT INTO schema_migrations VALUES (?, ?, ?)",
                     {std::int64_t{step.version}, std::string(step.name), now});
    };
    ACCEL_CHECK(transaction(apply));
  }
  for (; current > target; --current) {
    const Migration& step = detail::migrations().at(static_cast<std::size_t>(current - 1));
    const auto undo = [&]() -> Status {
      ACCEL_CHECK(impl_->main->run(std::string(step.down)));
      return execute("DELETE FROM schema_migrations WHERE version = ?",
                     {std::int64_t{step.version}});
    };
    ACCEL_CHECK(transaction(undo));
  }
  return {};
}

}  // namespace accel::db
