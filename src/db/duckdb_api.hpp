// SPDX-License-Identifier: Apache-2.0
#pragma once
// DuckDB's C API as a table of function pointers, filled from libduckdb.so at run time. The only
// file of the project that includes duckdb.h, with those that include this one.

#include <duckdb.h>

#include <filesystem>
#include <memory>

#include "accel/core/library.hpp"
#include "accel/core/result.hpp"

// Every function that this module calls, without its prefix.
#define ACCEL_DUCKDB_FUNCTIONS(X)                                                                \
  X(library_version)                                                                             \
  X(create_config)                                                                               \
  X(set_config)                                                                                  \
  X(destroy_config)                                                                              \
  X(open_ext) X(close) X(connect) X(disconnect) X(interrupt) X(free) X(query) X(destroy_result)  \
      X(result_error) X(column_count) X(column_name) X(column_logical_type) X(fetch_chunk) X(    \
          prepare) X(prepare_error) X(destroy_prepare) X(prepared_statement_type) X(nparams)     \
          X(bind_null) X(bind_boolean) X(bind_int64) X(bind_double) X(bind_varchar_length) X(    \
              clear_bindings) X(execute_prepared) X(pending_prepared_streaming) X(pending_error) \
              X(execute_pending) X(destroy_pending) X(destroy_data_chunk) X(data_chunk_get_size) \
                  X(data_chunk_get_vector) X(vector_get_column_type) X(vector_get_data)          \
                      X(vector_get_validity) X(list_vector_get_child) X(struct_vector_get_child) \
                          X(array_vector_get_child) X(get_type_id) X(destroy_logical_type)       \
                              X(decimal_scale) X(decimal_internal_type) X(enum_internal_type)    \
                                  X(enum_dictionary_value) X(struct_type_child_count)            \
                                      X(struct_type_child_name) X(array_type_array_size)         \
                                          X(string_t_data) X(string_t_length) X(from_date)       \
                                              X(from_time) X(from_timestamp) X(appender_create)  \
                                                  X(appender_add_column) X(appender_error)       \
                                                      X(appender_end_row) X(appender_close)      \
                                                          X(appender_destroy) X(append_null)     \
                                                              X(append_bool) X(append_int64)     \
                                                                  X(append_double)               \
                                                                      X(append_varchar_length)

namespace accel::db::detail {

struct DuckDb {
#define ACCEL_DUCKDB_POINTER(name) decltype(&::duckdb_##name) name = nullptr;
  ACCEL_DUCKDB_FUNCTIONS(ACCEL_DUCKDB_POINTER)
#undef ACCEL_DUCKDB_POINTER
};

// path: libduckdb.so, or empty for the search order of core/library.hpp. Loaded until the process
// ends. Errors: unavailable (says what to install), not_found (a symbol: another version).
Result<DuckDb> load_duckdb(const std::filesystem::path& path);

// DuckDB's words ("Parser Error: ...") as an Error; what says in a few words what was tried.
Error error_from_duckdb(std::string_view what, const char* words);

}  // namespace accel::db::detail
