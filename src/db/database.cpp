// SPDX-License-Identifier: Apache-2.0
#include "accel/db/database.hpp"

#include <array>

#include "appender.hpp"
#include "database_impl.hpp"

namespace accel::db {
namespace {

using detail::DuckDb;

class OpenConfig {
 public:
  explicit OpenConfig(const DuckDb& api) : api_(api) { api_.create_config(&config_); }
  OpenConfig(const OpenConfig&) = delete;
  OpenConfig& operator=(const OpenConfig&) = delete;
  ~OpenConfig() { api_.destroy_config(&config_); }

  Status set(const char* name, const std::string& value) {
    if (api_.set_config(config_, name, value.c_str()) == DuckDBSuccess) return {};
    return fail(Errc::unsupported, "This DuckDB ({}) has no setting {}={}; use version 1.4.",
                api_.library_version(), name, value);
  }
  duckdb_config get() const { return config_; }

 private:
  const DuckDb& api_;
  duckdb_config config_ = nullptr;
};

// Nothing that reaches out of the database, and no way to switch that on again.
Status fill(OpenConfig& config, const OpenOptions& options) {
  const std::array<std::pair<const char*, std::string>, 11> settings{{
      {"access_mode", options.read_only ? "READ_ONLY" : "READ_WRITE"},
      {"threads", std::to_string(options.threads)},
      {"memory_limit", fmt::format("{}B", options.memory_limit_bytes)},
      {"max_temp_directory_size", "0B"},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_unsigned_extensions", "false"},
      {"allow_persistent_secrets", "false"},
      {"enable_external_access", "false"},
      {"lock_configuration", "true"},
  }};
  for (const auto& [name, value] : settings) ACCEL_CHECK(config.set(name, value));
  return {};
}

Error open_error(const std::filesystem::path& path, const char* words) {
  Error error = detail::error_from_duckdb("Cannot open the history database", words);
  if (error.code == Errc::unavailable) {
    error.message = fmt::format(
        "Another process has the history database {} open; ask that one (the daemon), or try again "
        "when it has ended.",
        path.string());
  } else if (error.code == Errc::corrupt) {
    error.message = fmt::format("{} is not a DuckDB database, or it is damaged.", path.string());
  } else if (error.code == Errc::unsupported) {
    error.message = fmt::format("{} was written by a newer DuckDB; use the newer program for it.",
                                path.string());
  }
  return error;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path,
                                                 const OpenOptions& options) {
  auto impl = std::make_unique<Impl>();
  ACCEL_TRY(impl->api, detail::load_duckdb(options.library));
  OpenConfig config(impl->api);
  ACCEL_CHECK(fill(config, options));
  char* words = nullptr;
  const auto state = impl->api.open_ext(path.c_str(), &impl->handle, config.get(), &words);
  if (state != DuckDBSuccess) {
    Error error = open_error(path, words);
    impl->api.free(words);
    return fail(std::move(error));
  }
  ACCEL_TRY(auto connection, detail::Connection::open(impl->api, impl->handle));
  impl->main.emplace(std::move(connection));
  return std::make_unique<Database>(Passkey{}, std::move(impl));
}

Database::Database(Passkey, std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Database::~Database() = default;

Result<Table> Database::query(std::string_view sql, const Row& parameters) {
  const std::scoped_lock lock(impl_->mutex);
  ACCEL_TRY(const auto statement, detail::Statement::prepare(*impl_->main, sql));
  ACCEL_CHECK(statement.bind(parameters));
  return statement.run();
}

Status Database::execute(std::string_view sql, const Row& parameters) {
  ACCEL_CHECK(query(sql, parameters));
  return {};
}

Status Database::execute_many(std::string_view sql, const std::vector<Row>& rows) {
  const std::scoped_lock lock(impl_->mutex);
  const auto run_all = [&]() -> Status {
    ACCEL_TRY(const auto statement, detail::Statement::prepare(*impl_->main, sql));
    for (const Row& row : rows) {
      ACCEL_CHECK(statement.bind(row));
      ACCEL_CHECK(statement.run());
    }
    return {};
  };
  return impl_->in_transaction ? run_all() : transaction(run_all);
}

Status Database::append_rows(const std::string& table, const std::vector<std::string>& columns,
                             const std::vector<Row>& rows) {
  const std::scoped_lock lock(impl_->mutex);
  const auto append_all = [&]() -> Status {
    ACCEL_TRY(detail::Appender appender, detail::Appender::open(*impl_->main, table, columns));
    for (const Row& row : rows) ACCEL_CHECK(appender.append(row));
    return appender.close();
  };
  return impl_->in_transaction ? append_all() : transaction(append_all);
}

Status Database::transaction(const std::function<Status()>& body) {
  const std::scoped_lock lock(impl_->mutex);
  if (impl_->in_transaction) {
    return fail(Errc::internal, "A transaction was started inside another one.");
  }
  ACCEL_CHECK(impl_->main->run("BEGIN TRANSACTION"));
  impl_->in_transaction = true;
  Status status = body();
  if (status) status = impl_->main->run("COMMIT");
  impl_->in_transaction = false;
  if (status) return {};
  // Fails when the commit has already ended the transaction; the first error is what counts.
  const Status undone = impl_->main->run("ROLLBACK");
  static_cast<void>(undone);
  return status;
}

Status Database::checkpoint() {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->main->run("CHECKPOINT");
}

std::string Database::library_version() const { return impl_->api.library_version(); }

}  // namespace accel::db
