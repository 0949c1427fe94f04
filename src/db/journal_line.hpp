// SPDX-License-Identifier: Apache-2.0
#pragma once
// One line of the journal (docs/formats/journal.md): written, and read back with suspicion.

#include <string>
#include <string_view>
#include <vector>

#include "accel/db/journal.hpp"
#include "record_rows.hpp"

namespace accel::db::detail {

inline constexpr int kJournalVersion = 1;
inline constexpr int kMaxJournalDepth = 32;

struct ParsedRecord {
  std::string id;
  RecordKind kind = RecordKind::run;
  std::string time;
  std::vector<RecordRows> tables;
};

// The line without its '\n'. time is RFC 3339. Errors: those of parse_journal_line().
Result<std::string> format_journal_line(const JournalRecord& record, std::string_view time);

// Errors: corrupt (checksum, JSON, nesting, size), invalid_argument (a value, a missing or unknown
// member: says which), unsupported (a newer format).
Result<ParsedRecord> parse_journal_line(std::string_view line);

}  // namespace accel::db::detail
