// SPDX-License-Identifier: Apache-2.0
#pragma once
// Puts parsed journal records into the tables, each id once.

#include <cstdint>
#include <vector>

#include "accel/db/database.hpp"
#include "journal_line.hpp"

namespace accel::db::detail {

struct WriteCounts {
  std::uint64_t records = 0;
  std::uint64_t duplicates = 0;  // Ids that were there before, or twice in the batch.
};

// Inside the caller's transaction. Errors: invalid_argument or already_exists when the schema
// refuses a row; others of the database.
Result<WriteCounts> write_records(Database& database,
                                  const std::vector<const ParsedRecord*>& records);

}  // namespace accel::db::detail
