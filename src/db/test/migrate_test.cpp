// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "db_fixture.hpp"
#include "migrations.hpp"
#include "record_tables.hpp"

namespace accel::db {
namespace {

class Migrate : public DbTest {
 protected:
  static std::set<std::string> words(Database& database, const std::string& sql) {
    std::set<std::string> found;
    const auto table = database.query(sql);
    EXPECT_TRUE(table);
    for (const Row& row : table->rows) found.insert(to_text(row[0]));
    return found;
  }
};

TEST_F(Migrate, makes_the_tables_that_users_know) {
  auto database = migrated();
  const auto tables = words(*database, "SELECT table_name FROM duckdb_tables()");
  for (const char* table : {"hardware_platforms", "hardware_detection", "models", "test_runs",
                            "performance_results", "ipfs_operations", "p2p_network_metrics",
                            "ipfs_acceleration_results", "schema_migrations"}) {
    EXPECT_TRUE(tables.contains(table)) << table;
  }
  EXPECT_EQ(database->version().value(), Database::latest_version());
}

TEST_F(Migrate, is_idempotent) {
  auto database = migrated();
  EXPECT_TRUE(database->migrate(clock));
  EXPECT_EQ(cell(*database, "SELECT count(*) FROM schema_migrations"),
            std::to_string(Database::latest_version()));
}

TEST_F(Migrate, goes_down_to_nothing_and_up_again_step_by_step) {
  auto database = migrated(dir / "h.duckdb");
  for (int version = Database::latest_version() - 1; version >= 0; --version) {
    ASSERT_TRUE(database->migrate(clock, version));
    EXPECT_EQ(database->version().value(), version);
  }
  EXPECT_EQ(words(*database, "SELECT table_name FROM duckdb_tables()"),
            std::set<std::string>{"schema_migrations"});
  for (int version = 1; version <= Database::latest_version(); ++version) {
    const Status up = database->migrate(clock, version);
    ASSERT_TRUE(up) << up.error().to_string();
    EXPECT_EQ(database->version().value(), version);
  }
}

TEST_F(Migrate, keeps_the_data_when_a_file_is_opened_again) {
  {
    auto database = migrated(dir / "h.duckdb");
    ASSERT_TRUE(database->execute(
        "INSERT INTO test_runs (run_id, test_name, test_type, started_at, success) "
        "VALUES ('r', 'n', 't', '2026-11-21T10:40:00.123Z', true)"));
  }
  EXPECT_EQ(cell(*migrated(dir / "h.duckdb"), "SELECT started_at FROM test_runs"),
            "2026-11-21T10:40:00.123000Z");
}

TEST_F(Migrate, leaves_a_newer_schema_alone) {
  auto database = migrated();
  ASSERT_TRUE(
      database->execute("INSERT INTO schema_migrations VALUES (99, 'later', '2026-01-01')"));
  const Status refused = database->migrate(clock);
  EXPECT_EQ(refused.error().code, Errc::unsupported);
  EXPECT_EQ(refused.error().message,
            "The history database has the schema 99, this program knows 3; use the newer program "
            "for it.");
}

TEST_F(Migrate, knows_no_version_beyond_the_latest) {
  EXPECT_EQ(opened(":memory:")->migrate(clock, 99).error().code, Errc::invalid_argument);
}

TEST_F(Migrate, counts_without_gaps) {
  int expected = 1;
  for (const detail::Migration& step : detail::migrations()) EXPECT_EQ(step.version, expected++);
}

TEST_F(Migrate, gives_every_table_with_figures_a_provenance) {
  auto database = migrated();
  for (const char* table :
       {"hardware_platforms", "hardware_detection", "models", "performance_results",
        "ipfs_operations", "p2p_network_metrics", "ipfs_acceleration_results"}) {
    EXPECT_EQ(cell(*database, fmt::format("SELECT is_nullable FROM duckdb_columns() WHERE "
                                          "table_name = '{}' AND column_name = 'provenance'",
                                          table)),
              "false")
        << table;
  }
}

TEST_F(Migrate, knows_four_kinds_of_provenance_and_wants_a_source_for_reports) {
  auto database = migrated();
  const auto insert = [&](const char* provenance, const char* source) {
    return database->execute(fmt::format(
        "INSERT OR REPLACE INTO hardware_platforms (hardware_id, hardware_type, platform, "
        "provenance, provenance_source) VALUES ('h', 'cpu', 'cpu', {}, {})",
        provenance, source));
  };
  for (const char* kind : {"'measured'", "'predicted'", "'simulated'"}) {
    EXPECT_TRUE(insert(kind, "NULL")) << kind;
  }
  EXPECT_TRUE(insert("'reported'", "'vendor'"));
  EXPECT_FALSE(insert("'reported'", "NULL"));
  EXPECT_FALSE(insert("'guessed'", "NULL"));
  EXPECT_FALSE(insert("NULL", "NULL"));
}

// The code's table of columns, by which a journal record is checked, and the schema are one.
TEST_F(Migrate, has_the_columns_that_journal_records_fill) {
  auto database = migrated();
  for (const RecordKind kind :
       {RecordKind::run, RecordKind::operation, RecordKind::detection, RecordKind::network}) {
    for (const detail::TableSpec& table : detail::tables_of(kind)) {
      std::set<std::string> in_code;
      for (const detail::ColumnSpec& column : table.columns) in_code.emplace(column.name);
      EXPECT_EQ(in_code, words(*database, fmt::format("SELECT column_name FROM duckdb_columns() "
                                                      "WHERE table_name = '{}'",
                                                      table.table)))
          << table.table;
    }
  }
}

}  // namespace
}  // namespace accel::db
