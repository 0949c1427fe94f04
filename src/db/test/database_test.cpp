// SPDX-License-Identifier: Apache-2.0
#include "accel/db/database.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "db_fixture.hpp"

namespace accel::db {
namespace {

class DatabaseTest : public DbTest {};

TEST_F(DatabaseTest, runs_statements_with_parameters_of_every_kind) {
  auto database = opened(":memory:");
  ASSERT_TRUE(
      database->execute("CREATE TABLE t (b BOOLEAN, i BIGINT, d DOUBLE, s VARCHAR, n INT)"));
  const Row row{true, std::int64_t{-5}, 0.5, std::string("a'b\"; DROP TABLE t; --"), Null{}};
  ASSERT_TRUE(database->execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", row));
  const auto table = database->query("SELECT * FROM t");
  ASSERT_TRUE(table);
  ASSERT_EQ(table->rows.size(), 1U);
  EXPECT_EQ(table->rows[0], row);
  EXPECT_EQ(table->columns[3].name, "s");
  EXPECT_EQ(table->columns[3].type, "VARCHAR");
}

TEST_F(DatabaseTest, keeps_text_of_any_bytes_that_utf8_allows) {
  auto database = opened(":memory:");
  const std::string text("zero\0byte \u4f60", 13);
  const auto table = database->query("SELECT ?::VARCHAR", {text});
  ASSERT_TRUE(table) << table.error().to_string();
  EXPECT_EQ(std::get<std::string>(table->rows[0][0]), text);
  EXPECT_FALSE(database->query("SELECT ?::VARCHAR", {std::string("\xFF\xFE")}));
}

TEST_F(DatabaseTest, says_what_is_wrong_with_a_statement) {
  auto database = opened(":memory:");
  EXPECT_EQ(database->execute("SELEC 1").error().code, Errc::invalid_argument);
  EXPECT_EQ(database->execute("SELECT * FROM nowhere").error().code, Errc::invalid_argument);
  const auto counted = database->execute("SELECT ?::INT", {});
  EXPECT_EQ(counted.error().message, "The statement has 1 parameters; 0 were given.");
  EXPECT_FALSE(database->execute("SELECT 1; SELECT 2"));
}

TEST_F(DatabaseTest, tells_a_duplicate_key_from_other_mistakes) {
  auto database = opened(":memory:");
  ASSERT_TRUE(database->execute("CREATE TABLE t (a INT PRIMARY KEY, b INT NOT NULL)"));
  ASSERT_TRUE(database->execute("INSERT INTO t VALUES (1, 1)"));
  EXPECT_EQ(database->execute("INSERT INTO t VALUES (1, 1)").error().code, Errc::already_exists);
  EXPECT_EQ(database->execute("INSERT INTO t VALUES (2, NULL)").error().code,
            Errc::invalid_argument);
}

TEST_F(DatabaseTest, a_transaction_is_all_or_nothing) {
  auto database = opened(":memory:");
  ASSERT_TRUE(database->execute("CREATE TABLE t (a INT PRIMARY KEY)"));
  const Status failed = database->transaction([&]() -> Status {
    ACCEL_CHECK(database->execute("INSERT INTO t VALUES (1)"));
    return fail(Errc::io, "Told to fail.");
  });
  EXPECT_EQ(failed.error().message, "Told to fail.");
  EXPECT_EQ(cell(*database, "SELECT count(*) FROM t"), "0");
  EXPECT_TRUE(database->transaction([&] { return database->execute("INSERT INTO t VALUES (2)"); }));
  EXPECT_EQ(cell(*database, "SELECT count(*) FROM t"), "1");
}

TEST_F(DatabaseTest, a_transaction_does_not_nest) {
  auto database = opened(":memory:");
  const Status outer =
      database->transaction([&] { return database->transaction([]() -> Status { return {}; }); });
  EXPECT_EQ(outer.error().code, Errc::internal);
  EXPECT_TRUE(database->execute("SELECT 1"));
}

TEST_F(DatabaseTest, many_rows_go_in_together_or_not_at_all) {
  auto database = opened(":memory:");
  ASSERT_TRUE(database->execute("CREATE TABLE t (a BIGINT PRIMARY KEY)"));
  const auto insert = "INSERT INTO t VALUES (?)";
  EXPECT_TRUE(database->execute_many(insert, {{std::int64_t{1}}, {std::int64_t{2}}}));
  EXPECT_FALSE(database->execute_many(insert, {{std::int64_t{3}}, {std::int64_t{1}}}));
  EXPECT_EQ(cell(*database, "SELECT count(*) FROM t"), "2");
}

TEST_F(DatabaseTest, serves_several_threads) {
  auto database = opened(":memory:");
  ASSERT_TRUE(database->execute("CREATE TABLE t (a BIGINT)"));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          EXPECT_TRUE(database->execute("INSERT INTO t VALUES (?)", {std::int64_t{i}}));
          EXPECT_TRUE(database->query_read_only("SELECT count(*) FROM t"));
        }
      });
    }
  }
  EXPECT_EQ(cell(*database, "SELECT count(*) FROM t"), "80");
}

TEST_F(DatabaseTest, keeps_its_data_in_the_file) {
  const auto path = dir / "history.duckdb";
  ASSERT_TRUE(opened(path)->execute("CREATE TABLE t AS SELECT 7 AS a"));
  EXPECT_EQ(cell(*opened(path), "SELECT a FROM t"), "7");
  OpenOptions read_only;
  read_only.read_only = true;
  auto database = opened(path, read_only);
  EXPECT_EQ(cell(*database, "SELECT a FROM t"), "7");
  EXPECT_EQ(database->execute("DROP TABLE t").error().code, Errc::permission_denied);
}

TEST_F(DatabaseTest, is_whole_after_its_process_was_killed) {
  const auto path = dir / "history.duckdb";
  const pid_t child = ::fork();
  if (child == 0) {
    auto database = opened(path);
    const bool done = database->execute("CREATE TABLE t AS SELECT 7 AS a").has_value();
    ::kill(::getpid(), done ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(cell(*opened(path), "SELECT a FROM t"), "7");
}

// Holds the database open in another process until destroyed.
class OtherProcess {
 public:
  explicit OtherProcess(const std::function<void()>& hold) {
    EXPECT_EQ(::pipe(ready_), 0);
    pid_ = ::fork();
    if (pid_ != 0) {
      char byte = 0;
      EXPECT_EQ(::read(ready_[0], &byte, 1), 1);
      return;
    }
    hold();
    ::write(ready_[1], "x", 1) == 1 ? ::pause() : 0;
    ::_exit(0);
  }
  ~OtherProcess() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  int ready_[2] = {};
  pid_t pid_ = 0;
};

TEST_F(DatabaseTest, that_another_process_has_open_is_unavailable) {
  const auto path = dir / "history.duckdb";
  std::unique_ptr<Database> held;
  const OtherProcess other([&] { held = opened(path); });
  const auto refused = Database::open(path);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_NE(refused.error().message.find("Another process has the history database"),
            std::string::npos);
}

TEST_F(DatabaseTest, refuses_what_is_no_database) {
  const auto path = dir / "history.duckdb";
  ASSERT_TRUE(write_file_atomic(path, as_bytes(std::string(20'000, 'x'))));
  EXPECT_EQ(Database::open(path).error().code, Errc::corrupt);
  OpenOptions read_only;
  read_only.read_only = true;
  EXPECT_EQ(Database::open(dir / "none.duckdb", read_only).error().code, Errc::not_found);
  EXPECT_EQ(Database::open(dir / "no" / "folder.duckdb").error().code, Errc::not_found);
}

TEST_F(DatabaseTest, names_the_library_when_it_is_missing) {
  OpenOptions options;
  options.library = dir / "libduckdb.so";
  const auto refused = Database::open(":memory:", options);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_NE(refused.error().message.find("libduckdb.so"), std::string::npos);
}

TEST_F(DatabaseTest, ends_a_query_that_needs_too_much_memory) {
  OpenOptions options;
  options.memory_limit_bytes = 32U << 20U;
  auto database = opened(":memory:", options);
  const auto sorted = database->query(
      "SELECT x FROM range(20000000) t(x) ORDER BY hash(x) LIMIT 1 "
      "OFFSET 19999998");
  EXPECT_EQ(sorted.error().code, Errc::resource_exhausted) << sorted.error().message;
  EXPECT_TRUE(database->query("SELECT 1"));
}

TEST_F(DatabaseTest, knows_its_library) {
  EXPECT_EQ(opened(":memory:")->library_version().substr(0, 3), "v1.");
  EXPECT_TRUE(opened(dir / "h.duckdb")->checkpoint());
}

}  // namespace
}  // namespace accel::db
