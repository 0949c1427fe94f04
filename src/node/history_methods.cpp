// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/offload.hpp"
#include "accel/core/lock_wait.hpp"
#include "accel/core/log.hpp"
#include "accel/db/database.hpp"
#include "context.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::string_view kReport =
    "SELECT r.started_at, m.model_name AS model, r.test_name AS task, p.engine, p.device, "
    "p.precision, p.threads, "
    "p.batch_size AS batch, p.average_latency_ms AS latency_ms, p.provenance, m.root_cid AS cid "
    "FROM performance_results p JOIN test_runs r USING (run_id) JOIN models m USING (model_id) "
    "ORDER BY r.started_at DESC LIMIT ?";

// One process of the home at a time opens the database; the others wait here, and the kernel lets
// go when one dies.
Result<FileLock> lock_history(const Home& home, const std::stop_token& stop) {
  return wait_for_lock(home.root / "history.lock", FileLock::Mode::exclusive, stop);
}

struct OpenHistory {
  FileLock lock;
  std::unique_ptr<db::Database> database;
};

// Opens the database with everything that any process has recorded so far.
Result<OpenHistory> open_history(Services& services, const std::stop_token& stop) {
  ACCEL_TRY(FileLock lock, lock_history(services.home(), stop));
  ACCEL_TRY(auto database, db::Database::open(services.home().history()));
  ACCEL_CHECK(database->migrate(services.clock()));
  ACCEL_TRY(const db::IngestReport report,
            db::checkpoint_journal(*database, services.home().journal()));
  for (const db::JournalProblem& problem : report.problems) {
    log::warn("node", "a line of the journal was skipped",
              {log::field("file", problem.file.string()), log::field("line", problem.line),
               log::field("why", problem.reason)});
  }
  return OpenHistory{std::move(lock), std::move(database)};
}

json json_of(const db::Value& value) {
  return std::visit(
      [](const auto& held) -> json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, db::Null>)
          return nullptr;
        else
          return held;
      },
      value);
}

json json_of(const db::Table& table) {
  json columns = json::array();
  for (const db::Column& column : table.columns)
    columns.push_back({{"name", column.name}, {"type", column.type}});
  json rows = json::array();
  for (const db::Row& row : table.rows) {
    json cells = json::array();
    for (const db::Value& value : row) cells.push_back(json_of(value));
    rows.push_back(std::move(cells));
  }
  return {
      {"columns", std::move(columns)}, {"rows", std::move(rows)}, {"truncated", table.truncated}};
}

}  // namespace

Result<json> history_query(Context& context) {
  const std::string sql = context.params.required_text("sql");
  const std::int64_t limit = context.params.integer("limit", 1000);
  ACCEL_CHECK(context.params.finish());
  if (limit < 1)
    return fail(Errc::invalid_argument, "history query: the limit must be at least 1.");
  ACCEL_TRY(const OpenHistory history, open_history(context.services, context.stop));
  db::QueryLimits limits;
  limits.rows = static_cast<std::size_t>(limit);
  ACCEL_TRY(const db::Table table, history.database->query_read_only(sql, limits, context.stop));
  return json_of(table);
}

Result<json> history_report(Context& context) {
  const std::int64_t limit = context.params.integer("limit", 20);
  ACCEL_CHECK(context.params.finish());
  if (limit < 1)
    return fail(Errc::invalid_argument, "history report: the limit must be at least 1.");
  ACCEL_TRY(const OpenHistory history, open_history(context.services, context.stop));
  ACCEL_TRY(const db::Table table, history.database->query(kReport, {limit}));
  return json_of(table);
}

}  // namespace accel::node
