// SPDX-License-Identifier: Apache-2.0
#pragma once
// The result journal: what a process found out, appended as JSON lines that survive a crash, so
// that recording never waits for whoever has the database open. Format: docs/formats/journal.md.
// Any process writes its own file; whoever owns the database ingests all of them.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/random.hpp"
#include "accel/core/result.hpp"
#include "accel/db/database.hpp"

namespace accel::db {

inline constexpr std::size_t kMaxJournalLineBytes = 1U << 20U;
inline constexpr std::uint64_t kMaxJournalFileBytes = 8U << 20U;  // Then the writer starts another.

enum class RecordKind { run, operation, detection, network };
std::string_view record_kind_name(RecordKind kind);

struct JournalRecord {
  std::string id;  // 1 to 128 of [A-Za-z0-9._:-]; the database takes each id once.
  RecordKind kind = RecordKind::run;
  std::string
      json;  // An object whose members are the tables of its kind (docs/formats/journal.md).
};

// Whether ingestion would take this line (without its '\n'). Errors: corrupt, invalid_argument,
// unsupported; the message says what is wrong.
Status check_journal_line(std::string_view line);

// A fresh id: the time and 64 random bits, sortable by time.
std::string new_record_id(const Clock& clock, Random& random);

// One per process; thread-safe. The file appears with the first append, locked until destruction.
class Journal {
  struct Impl;
  struct Passkey {};

 public:
  // Makes the folder. Errors: those of making it.
  static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& directory,
                                               const Clock& clock, Random& random);
  Journal(Passkey, std::unique_ptr<Impl> impl);  // Use open().
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Returns when the line is on the disk. Errors: invalid_argument (a record that ingestion would
  // refuse: says why), resource_exhausted (full disk; the file stays readable), io.
  Status append(const JournalRecord& record);

 private:
  std::unique_ptr<Impl> impl_;
};

struct JournalProblem {
  std::filesystem::path file;
  std::uint64_t line = 0;  // From 1.
  std::string reason;      // A sentence.
};

struct IngestReport {
  std::uint64_t files = 0;
  std::uint64_t records = 0;             // New ones.
  std::uint64_t duplicates = 0;          // Ids that the database had.
  std::vector<JournalProblem> problems;  // Skipped lines; the rest is in. At most kMaxProblems.
  std::uint64_t files_removed = 0;       // By checkpoint_journal().
  std::uint64_t files_kept = 0;          // Files with refused lines, renamed to *.rejected.
};
inline constexpr std::size_t kMaxProblems = 1000;

// Takes every new record of the folder into the database, each exactly once, however often and by
// however many processes one after another this is called. Removes nothing: until the next
// checkpoint a lost database can be made again from the journal. The schema must be the latest.
// Errors: those of the database and of reading files; bad lines are no error but problems.
Result<IngestReport> ingest(Database& database, const std::filesystem::path& directory);

// ingest(), then Database::checkpoint(), then removes the files whose writer is gone and whose
// lines are all in the database.
Result<IngestReport> checkpoint_journal(Database& database, const std::filesystem::path& directory);

}  // namespace accel::db
