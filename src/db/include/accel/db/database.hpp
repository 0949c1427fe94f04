// SPDX-License-Identifier: Apache-2.0
#pragma once
// The history: one DuckDB file with a versioned schema. node owns the one Database; tests use
// ":memory:". DuckDB is loaded at run time (about 17 ms and 20 MB), so open it only when history is
// asked for. One process at a time can have the file open. Thread-safe; calls block: use an
// OffloadPool. DuckDB never reaches out from here: no files but its own, no network, no extensions.

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"
#include "accel/db/value.hpp"

namespace accel::db {

struct OpenOptions {
  bool read_only = false;
  std::filesystem::path library = {};  // libduckdb.so; empty: core/library.hpp's order.
  // For sorts, joins and aggregates; beyond it a query ends with resource_exhausted.
  std::uint64_t memory_limit_bytes = 512ULL << 20U;
  unsigned threads = 1;
};

// What a query of a stranger may cost (query_read_only).
struct QueryLimits {
  std::size_t rows = 10'000;  // More are cut, and the table says so.
  std::size_t result_bytes = 64U << 20U;
  Duration time = std::chrono::seconds(30);
  // How much the process may grow while the query runs; checked every few milliseconds.
  std::uint64_t growth_bytes = 1ULL << 30U;
};
inline constexpr std::size_t kMaxSqlBytes = 64U << 10U;

class Database {
  struct Impl;
  struct Passkey {};

 public:
  // path may be ":memory:". The file is made when it is missing, but for read_only.
  // Errors: unavailable (another process has it open, or the library is missing), not_found,
  // permission_denied, corrupt (no DuckDB file), unsupported (made by a newer DuckDB).
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path,
                                                const OpenOptions& options = {});
  Database(Passkey, std::unique_ptr<Impl> impl);  // Use open().
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One statement with its ? parameters. For our own SQL: never with text of strangers in it.
  // Errors: invalid_argument (SQL, types), already_exists (a constraint), resource_exhausted, io.
  Result<Table> query(std::string_view sql, const Row& parameters = {});
  Status execute(std::string_view sql, const Row& parameters = {});
  // Prepares once, runs for each row, in one transaction (the caller's, if there is one).
  Status execute_many(std::string_view sql, const std::vector<Row>& rows);
  // The fast way in for many rows of the named columns (DuckDB's appender); text is cast to the
  // column's type. All rows or none. In the caller's transaction, if there is one.
  Status append_rows(const std::string& table, const std::vector<std::string>& columns,
                     const std::vector<Row>& rows);
  // All or nothing: commits when body succeeds. body may use this Database; does not nest.
  Status transaction(const std::function<Status()>& body);

  // One SELECT (also DESCRIBE, SHOW, SUMMARIZE, VALUES) of a user, in a read-only transaction of
  // its own. Refused: whatever writes, attaches, copies, installs, loads, reads files or changes
  // settings; table functions but for harmless ones; functions that blow up memory. Errors:
  // permission_denied (refused; says what), invalid_argument (SQL), timeout, cancelled,
  // resource_exhausted.
  Result<Table> query_read_only(std::string_view sql, const QueryLimits& limits = {},
                                std::stop_token stop = {});

  // The schema's version; 0 for an empty database.
  Result<int> version();
  static int latest_version();
  // Applies or undoes migrations up to target, each in its own transaction; -1: the latest.
  // Errors: unsupported (the schema is newer than this program), invalid_argument, io.
  Status migrate(const Clock& clock, int target = -1);

  // Writes everything into the main file and syncs it; afterwards the journal may be cut.
  Status checkpoint();
  std::string library_version() const;  // "v1.4.4"

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::db
