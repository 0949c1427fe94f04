// SPDX-License-Identifier: Apache-2.0
#pragma once
// The inside of Database, shared by database.cpp, migrate.cpp and read_only.cpp.

#include <mutex>
#include <optional>

#include "accel/db/database.hpp"
#include "statement.hpp"

namespace accel::db {

struct Database::Impl {
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    main.reset();
    if (handle != nullptr) api.close(&handle);
  }

  detail::DuckDb api;
  duckdb_database handle = nullptr;
  // Recursive: the body of a transaction uses the same Database on the same thread.
  std::recursive_mutex mutex;
  std::optional<detail::Connection> main;  // Guarded by mutex. Strangers' queries get their own.
  bool in_transaction = false;             // Guarded by mutex.
};

}  // namespace accel::db
