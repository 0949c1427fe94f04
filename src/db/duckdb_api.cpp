// SPDX-License-Identifier: Apache-2.0
#include "duckdb_api.hpp"

#include <array>

namespace accel::db::detail {
namespace {

struct ErrorRow {
  std::string_view part;
  Errc code;
};

// The first part that occurs in DuckDB's words decides. Special cases stand before their class.
constexpr std::array kErrors{
    ErrorRow{"Could not set lock on file", Errc::unavailable},
    ErrorRow{"No space left on device", Errc::resource_exhausted},
    ErrorRow{"No such file or directory", Errc::not_found},
    ErrorRow{"does not exist", Errc::not_found},
    ErrorRow{"Permission denied", Errc::permission_denied},
    ErrorRow{"not a valid DuckDB database file", Errc::corrupt},
    ErrorRow{"Corrupt database file", Errc::corrupt},
    ErrorRow{"database file with version number", Errc::unsupported},
    ErrorRow{"launched in read-only mode", Errc::permission_denied},
    ErrorRow{"attached in read-only mode", Errc::permission_denied},
    ErrorRow{"Duplicate key", Errc::already_exists},
};

constexpr std::array kErrorClasses{
    ErrorRow{"Permission Error", Errc::permission_denied},
    ErrorRow{"Out of Memory Error", Errc::resource_exhausted},
    ErrorRow{"INTERRUPT Error", Errc::cancelled},
    ErrorRow{"IO Error", Errc::io},
    ErrorRow{"INTERNAL Error", Errc::internal},
    ErrorRow{"FATAL Error", Errc::internal},
    ErrorRow{"Not implemented Error", Errc::unsupported},
    ErrorRow{"TransactionContext Error", Errc::unavailable},
};

Errc code_of(std::string_view words) {
  // A missing table is a mistake in the statement; a missing file is not.
  const bool about_files = words.starts_with("IO Error");
  for (const ErrorRow& row : kErrors) {
    const bool fits = row.code != Errc::not_found || about_files;
    if (fits && words.find(row.part) != std::string_view::npos) return row.code;
  }
  for (const ErrorRow& row : kErrorClasses) {
    if (words.starts_with(row.part)) return row.code;
  }
  return Errc::invalid_argument;  // Parser, Binder, Catalog, Conversion, Constraint, ...
}

}  // namespace

Result<DuckDb> load_duckdb(const std::filesystem::path& path) {
  auto library = open_library({"libduckdb.so", "duckdb", path});
  if (!library) {
    Error error = std::move(library).error();
    error.message += " The history needs it: run tools/deps install, or install the package again.";
    return fail(std::move(error));
  }
  library->keep_loaded();
  DuckDb api;
#define ACCEL_DUCKDB_BIND(name) ACCEL_CHECK(library->bind(api.name, "duckdb_" #name));
  ACCEL_DUCKDB_FUNCTIONS(ACCEL_DUCKDB_BIND)
#undef ACCEL_DUCKDB_BIND
  return api;
}

Error error_from_duckdb(std::string_view what, const char* words) {
  const std::string_view text = words != nullptr ? words : "no reason given";
  std::string_view first_line = text.substr(0, text.find('\n'));
  while (first_line.ends_with('.') || first_line.ends_with(' ')) first_line.remove_suffix(1);
  return {code_of(text), fmt::format("{}: {}.", what, first_line), std::string(text)};
}

}  // namespace accel::db::detail
