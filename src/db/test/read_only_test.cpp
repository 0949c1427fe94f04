// SPDX-License-Identifier: Apache-2.0
// Queries of strangers: what they may see, and everything that they may not do.
#include <condition_variable>
#include <thread>

#include "db_fixture.hpp"

namespace accel::db {
namespace {

using namespace std::chrono_literals;

class ReadOnly : public DbTest {
 protected:
  void SetUp() override {
    DbTest::SetUp();
    database = migrated(dir / "h.duckdb");
    EXPECT_TRUE(
        database->execute("CREATE TABLE t AS SELECT x AS a, 'v' || x AS b FROM range(100) r(x)"));
    EXPECT_TRUE(database->execute("CREATE SEQUENCE s"));
  }
  Result<Table> ask(std::string_view sql, const QueryLimits& limits = {}) const {
    return database->query_read_only(sql, limits);
  }
  Errc refusal(std::string_view sql) const {
    const auto table = ask(sql);
    EXPECT_FALSE(table) << "was allowed: " << sql;
    return table ? Errc::internal : table.error().code;
  }

  std::unique_ptr<Database> database;
};

TEST_F(ReadOnly, answers_questions) {
  for (const char* sql :
       {"SELECT count(*) FROM t", "select a, b from t where a in (1, 2) order by a;", "FROM t",
        "WITH x AS (SELECT a FROM t) SELECT sum(a) FROM x", "VALUES (1), (2)", "SHOW TABLES",
        "DESCRIBE performance_results", "SUMMARIZE t", "SELECT 1 -- with a comment",
        "SELECT quantile_cont(a, 0.5), median(a) FROM t", "SELECT x FROM range(3) r(x)",
        "SELECT metrics->>'load' FROM performance_results",
        "SELECT * FROM information_schema.tables", "SELECT row_number() OVER (ORDER BY a) FROM t",
        "SELECT unnest([1, 2, 3])", "SELECT table_name FROM duckdb_tables()",
        "/* repeat( */ SELECT 'query(''x'')'"}) {
    const auto table = ask(sql);
    EXPECT_TRUE(table) << sql << ": " << table.error().to_string();
  }
  EXPECT_EQ(std::get<std::int64_t>(ask("SELECT count(*) FROM t")->rows[0][0]), 100);
}

TEST_F(ReadOnly, refuses_every_statement_that_is_no_select) {
  for (const char* sql : {"DELETE FROM t",
                          "INSERT INTO t VALUES (1, 'x')",
                          "UPDATE t SET a = 1",
                          "DROP TABLE t",
                          "CREATE TABLE u (a INT)",
                          "CREATE TEMP TABLE u (a INT)",
                          "ALTER TABLE t ADD COLUMN c INT",
                          "ATTACH ':memory:' AS z",
                          "ATTACH '/tmp/z.duckdb' AS z",
                          "DETACH memory",
                          "USE memory",
                          "COPY t TO '/tmp/stolen.csv'",
                          "COPY t FROM '/etc/passwd'",
                          "COPY (SELECT 1) TO '/tmp/x'",
                          "INSTALL httpfs",
                          "LOAD httpfs",
                          "LOAD '/tmp/evil.so'",
                          "SET threads = 4",
                          "SET enable_external_access = true",
                          "SET VARIABLE x = 1",
                          "RESET threads",
                          "PRAGMA threads = 4",
                          "PRAGMA database_list",
                          "PRAGMA enable_profiling",
                          "CALL enable_logging()",
                          "CHECKPOINT",
                          "VACUUM",
                          "ANALYZE",
                          "EXPORT DATABASE '/tmp/e'",
                          "IMPORT DATABASE '/tmp/e'",
                          "BEGIN",
                          "COMMIT",
                          "ROLLBACK",
                          "PREPARE p AS DELETE FROM t",
                          "EXECUTE p",
                          "DEALLOCATE p",
                          "CREATE SECRET (TYPE s3)",
                          "CREATE MACRO m() AS 1",
                          "CREATE VIEW v AS SELECT 1",
                          "COMMENT ON TABLE t IS 'x'",
                          "EXPLAIN SELECT 1",
                          "EXPLAIN ANALYZE DELETE FROM t",
                          "EXPLAIN ANALYZE COPY t TO '/tmp/x'",
                          "MERGE INTO t USING t AS u ON t.a = u.a WHEN MATCHED THEN DELETE",
                          "TRUNCATE t",
                          "PIVOT t ON b USING sum(a)"}) {
    const Errc code = refusal(sql);
    EXPECT_TRUE(code == Errc::permission_denied || code == Errc::invalid_argument) << sql;
  }
  EXPECT_EQ(cell(*database, "SELECT count(*) FROM t"), "100");
  EXPECT_EQ(refusal("DELETE FROM t"), Errc::permission_denied);
}

TEST_F(ReadOnly, refuses_a_second_statement) {
  EXPECT_EQ(refusal("SELECT 1; DELETE FROM t"), Errc::permission_denied);
  EXPECT_EQ(refusal("SELECT 1; SELECT 2"), Errc::permission_denied);
  EXPECT_EQ(ask("SELECT 1; SELECT 2").error().message, "Only one statement may run here, not 2.");
  EXPECT_TRUE(ask("SELECT 1;;"));
}

TEST_F(ReadOnly, reads_no_files) {
  for (const char* sql :
       {"SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_blob('/etc/hostname')", "SELECT * FROM glob('/*')",
        "SELECT * FROM read_json('/etc/passwd')", "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/x')", "SELECT * FROM READ_CSV_AUTO('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'", "SELECT * FROM \"/etc/passwd.csv\"",
        "SELECT (SELECT content FROM read_text('/etc/hostname'))",
        "SELECT * FROM t WHERE a IN (SELECT size FROM read_blob('/etc/hostname'))",
        "WITH x AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM x",
        "SELECT * FROM duckdb_extensions()", "DESCRIBE SELECT * FROM read_csv('/etc/passwd')"}) {
    const Errc code = refusal(sql);
    EXPECT_TRUE(code == Errc::permission_denied || code == Errc::invalid_argument) << sql;
  }
}

TEST_F(ReadOnly, runs_no_function_that_changes_something) {
  for (const char* sql :
       {"SELECT nextval('s')", "SELECT * FROM enable_logging()", "SELECT * FROM checkpoint()",
        "SELECT * FROM force_checkpoint()", "SELECT * FROM truncate_duckdb_logs()",
        "SELECT write_log('x')", "SELECT WRITE_LOG('x')", "SELECT \"write_log\"('x')",
        "SELECT main.write_log('x')", "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM query_table('t')", "SELECT setseed(0.5)",
        "SELECT a FROM t ORDER BY nextval('s')", "SELECT * FROM duckdb_settings()",
        "SELECT sum(a) FILTER (nextval('s') > 0) FROM t",
        "SELECT list_transform([1], lambda x: nextval('s'))",
        "SELECT * FROM json_execute_serialized_sql('x')"}) {
    EXPECT_EQ(refusal(sql), Errc::permission_denied) << sql;
  }
}

TEST_F(ReadOnly, refuses_functions_that_blow_up_memory) {
  for (const char* sql :
       {"SELECT repeat('x', 3000000000)", "SELECT lpad('x', 2000000000, 'y')",
        "SELECT list_sum(range(0, 1000000000))", "SELECT printf('%1000000000d', 1)",
        "SELECT list_resize([1], 1000000000)", "SELECT [1].list_resize(1000000000)",
        "SELECT t.b.repeat(1000000000) FROM t", "SELECT replace('aa', 'a', 'aa')",
        "SELECT bitstring('0', 2000000000)::VARCHAR"}) {
    EXPECT_EQ(refusal(sql), Errc::permission_denied) << sql;
  }
}

TEST_F(ReadOnly, says_where_a_query_does_not_parse) {
  const auto table = ask("SELECT FROM WHERE");
  EXPECT_EQ(table.error().code, Errc::invalid_argument);
  EXPECT_NE(table.error().message.find("doesn't parse at character"), std::string::npos)
      << table.error().message;
  EXPECT_EQ(refusal(""), Errc::invalid_argument);
  EXPECT_EQ(refusal("-- nothing"), Errc::invalid_argument);
  EXPECT_EQ(refusal("SELECT ?"), Errc::invalid_argument);
  EXPECT_EQ(refusal("SELECT nowhere FROM t"), Errc::invalid_argument);
  EXPECT_EQ(refusal(std::string_view("SELECT 1\0; DELETE FROM t", 24)), Errc::invalid_argument);
  EXPECT_EQ(refusal(std::string(kMaxSqlBytes + 1, ' ')), Errc::invalid_argument);
}

TEST_F(ReadOnly, survives_deep_and_wide_queries) {
  const std::string deep = "SELECT " + std::string(20'000, '(') + "1" + std::string(20'000, ')');
  std::string wide = "SELECT 1";
  for (int i = 0; i < 10'000; ++i) wide += " + 1";
  std::string nested = "SELECT 1";
  for (int i = 0; i < 1'000; ++i) nested = "SELECT * FROM (" + nested + ")";
  for (const std::string& sql : {deep, wide, nested}) {
    const auto table = ask(sql);  // Answered or refused, but the process lives.
    EXPECT_TRUE(table || !table.error().message.empty());
  }
  EXPECT_TRUE(ask("SELECT 1"));
}

TEST_F(ReadOnly, cuts_the_result_at_its_limits_and_says_so) {
  QueryLimits limits;
  limits.rows = 3;
  const auto three = ask("SELECT a FROM t ORDER BY a", limits);
  ASSERT_TRUE(three);
  EXPECT_EQ(three->rows.size(), 3U);
  EXPECT_TRUE(three->truncated);
  limits.rows = 100;
  EXPECT_FALSE(ask("SELECT a FROM t", limits)->truncated);
  limits.rows = 0;
  EXPECT_TRUE(ask("SELECT a FROM t", limits)->rows.empty());
}

TEST_F(ReadOnly, computes_no_more_rows_than_it_returns) {
  QueryLimits limits;
  limits.rows = 10;
  const auto table = ask("SELECT x FROM range(1000000000000) r(x)", limits);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->rows.size(), 10U);
  limits.rows = 1'000'000'000;
  limits.result_bytes = 1U << 20U;
  const auto cut = ask("SELECT x FROM range(1000000000000) r(x)", limits);
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->truncated);
  EXPECT_LT(cut->rows.size(), 1'000'000U);
}

TEST_F(ReadOnly, ends_at_its_time_limit) {
  QueryLimits limits;
  limits.time = 50ms;
  const auto table =
      ask("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range = -1",
          limits);
  EXPECT_EQ(table.error().code, Errc::timeout);
  EXPECT_EQ(table.error().message,
            "The query took longer than 0.05 s; ask for less, or raise the limit.");
  const auto recursive =
      ask("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
          limits);
  EXPECT_EQ(recursive.error().code, Errc::timeout) << recursive.error().message;
  EXPECT_TRUE(ask("SELECT 1"));
}

TEST_F(ReadOnly, ends_when_it_is_cancelled) {
  std::stop_source stop;
  std::jthread canceller([&] { stop.request_stop(); });
  const auto table = database->query_read_only(
      "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range = -1", {},
      stop.get_token());
  EXPECT_EQ(table.error().code, Errc::cancelled) << table.error().message;
}

TEST_F(ReadOnly, ends_when_the_process_grows_too_much) {
  QueryLimits limits;
  limits.growth_bytes = 64U << 20U;
  limits.time = 20s;
  // A text that doubles: no function is refused, and DuckDB doesn't count it against its limit.
  const auto table =
      ask("WITH RECURSIVE r(n, s) AS (SELECT 0, 'xxxxxxxxxxxxxxxx' UNION ALL "
          "SELECT n + 1, s || s FROM r WHERE n < 27) SELECT length(s) FROM r",
          limits);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Errc::resource_exhausted) << table.error().message;
}

TEST_F(ReadOnly, does_not_wait_for_a_transaction_of_ours) {
  const Status status = database->transaction([&]() -> Status {
    ACCEL_CHECK(database->execute("DELETE FROM t"));
    const auto seen = ask("SELECT count(*) FROM t");
    EXPECT_EQ(std::get<std::int64_t>(seen->rows[0][0]), 100);  // Not yet committed.
    return {};
  });
  EXPECT_TRUE(status);
  EXPECT_EQ(std::get<std::int64_t>(ask("SELECT count(*) FROM t")->rows[0][0]), 0);
}

}  // namespace
}  // namespace accel::db
