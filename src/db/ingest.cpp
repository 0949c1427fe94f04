// SPDX-License-Identifier: Apache-2.0
// From the journal into the database, each record exactly once.
#include <unistd.h>

#include "accel/core/file.hpp"
#include "accel/db/journal.hpp"
#include "journal_files.hpp"
#include "journal_line.hpp"
#include "record_writer.hpp"

namespace accel::db {
namespace {

using detail::JournalFile;
using detail::JournalLine;
using detail::ParsedRecord;

constexpr std::size_t kBatchRecords = 500;  // One transaction: a crash repeats at most so many.

// How far a file has been read, as the database remembers it.
struct Progress {
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
  std::uint64_t refused = 0;
};

struct PendingRecord {
  ParsedRecord record;
  std::uint64_t line = 0;
};

class FileIngester {
 public:
  FileIngester(Database& database, std::filesystem::path path, IngestReport& report)
      : database_(database), path_(std::move(path)), report_(report) {}

  // Whether nothing is left to read, now or ever.
  Result<bool> ingest() {
    ACCEL_TRY(JournalFile file, JournalFile::open(path_));
    ACCEL_CHECK(load_progress());
    if (progress_.bytes > file.size()) {
      add_problem(progress_.lines, "The file is shorter than what was read of it before.");
      progress_ = {};
    }
    file.start_at(progress_.bytes, progress_.lines);
    ++report_.files;
    JournalLine line;
    for (;;) {
      ACCEL_TRY(const bool more, file.next(line));
      if (!more || (line.torn && !file.writer_gone()))
        break;  // A live writer is in the middle of it.
      if (!take(line)) break;
      if (pending_.size() >= kBatchRecords) ACCEL_CHECK(flush());
    }
    ACCEL_CHECK(flush());
    return file.writer_gone() && progress_.bytes == file.size();
  }

  bool refused_lines() const { return progress_.refused > 0; }

 private:
  void add_problem(std::uint64_t line, std::string reason) {
    if (report_.problems.size() >= kMaxProblems) return;
    report_.problems.push_back({path_, line, std::move(reason)});
  }

  void refuse(std::uint64_t line, const Error& error) {
    ++progress_.refused;
    add_problem(line, error.message);
  }

  // False at a line of a newer format: it and what follows stay for a newer program.
  bool take(const JournalLine& line) {
    auto parsed = line.too_long ? Result<ParsedRecord>(fail(Errc::corrupt, "The line is too long."))
                                : detail::parse_journal_line(line.text);
    if (!parsed && parsed.error().code == Errc::unsupported) {
      add_problem(line.number, parsed.error().message);
      return false;
    }
    progress_.bytes = line.end;
    progress_.lines = line.number;
    dirty_ = true;
    if (parsed) {
      pending_.push_back({std::move(*parsed), line.number});
    } else if (line.torn) {
      refuse(line.number, {Errc::corrupt, "The last line was cut off when its writer ended.", {}});
    } else {
      refuse(line.number, parsed.error());
    }
    return true;
  }

  // The records that wait and how far the file is read, in one transaction. If the database refuses
  // one of them, each gets its own, so that only that one is lost, and is named.
  Status flush() {
    if (!dirty_) return {};
    std::vector<const ParsedRecord*> records;
    for (const PendingRecord& item : pending_) records.push_back(&item.record);
    const Status together = write(records, true);
    if (!together && !is_the_records_fault(together.error())) return together;
    if (!together) ACCEL_CHECK(flush_one_by_one());
    pending_.clear();
    dirty_ = false;
    return {};
  }

  static bool is_the_records_fault(const Error& error) {
    return error.code == Errc::invalid_argument || error.code == Errc::already_exists;
  }

  Status flush_one_by_one() {
    for (const PendingRecord& item : pending_) {
      const Status alone = write({&item.record}, false);
      if (!alone && !is_the_records_fault(alone.error())) return alone;
      if (!alone) refuse(item.line, alone.error());
    }
    return write({}, true);
  }

  Status write(const std::vector<const ParsedRecord*>& records, bool with_progress) {
    detail::WriteCounts counts;
    const auto body = [&]() -> Status {
      ACCEL_TRY(counts, detail::write_records(database_, records));
      return with_progress ? save_progress() : Status();
    };
    ACCEL_CHECK(database_.transaction(body));
    report_.records += counts.records;
    report_.duplicates += counts.duplicates;
    return {};
  }

  Status load_progress() {
    ACCEL_TRY(const Table table,
              database_.query("SELECT bytes_read, lines_read, lines_refused FROM journal_files "
                              "WHERE file_name = ?",
                              {path_.filename().string()}));
    if (table.rows.empty()) return {};
    const auto number = [&](std::size_t column) {
      return static_cast<std::uint64_t>(std::get<std::int64_t>(table.rows[0][column]));
    };
    progress_ = {number(0), number(1), number(2)};
    return {};
  }

  Status save_progress() {
    return database_.execute(
        "INSERT OR REPLACE INTO journal_files VALUES (?, ?, ?, ?)",
        {path_.filename().string(), static_cast<std::int64_t>(progress_.bytes),
         static_cast<std::int64_t>(progress_.lines), static_cast<std::int64_t>(progress_.refused)});
  }

  Database& database_;
  std::filesystem::path path_;
  IngestReport& report_;
  Progress progress_;
  bool dirty_ = false;
  std::vector<PendingRecord> pending_;
};

// A file whose lines are all in. One with refused lines is kept for people, under a name that is
// not read again.
Status retire(const std::filesystem::path& path, bool refused_lines, IngestReport& report) {
  const std::filesystem::path kept = path.string() + std::string(detail::kRejectedSuffix);
  const int failed = refused_lines ? ::rename(path.c_str(), kept.c_str()) : ::unlink(path.c_str());
  if (failed != 0) {
    return fail_errno(errc_from_errno(errno), errno,
                      fmt::format("Cannot retire the journal file {}.", path.string()));
  }
  ++(refused_lines ? report.files_kept : report.files_removed);
  return {};
}

struct Finished {
  std::filesystem::path path;
  bool refused_lines = false;
};

Status ingest_all(Database& database, const std::filesystem::path& directory, IngestReport& report,
                  std::vector<Finished>& finished) {
  ACCEL_TRY(const auto files, detail::journal_files(directory));
  for (const std::filesystem::path& path : files) {
    FileIngester file(database, path, report);
    ACCEL_TRY(const bool done, file.ingest());
    if (done) finished.push_back({path, file.refused_lines()});
  }
  return {};
}

// One ingester at a time, also among the threads of this process.
Result<FileLock> lock_folder(const std::filesystem::path& directory) {
  ACCEL_CHECK(make_directories(directory));
  return FileLock::acquire(directory / "ingest.lock", FileLock::Mode::exclusive, true);
}

}  // namespace

Result<IngestReport> ingest(Database& database, const std::filesystem::path& directory) {
  ACCEL_TRY(const FileLock lock, lock_folder(directory));
  IngestReport report;
  std::vector<Finished> finished;
  ACCEL_CHECK(ingest_all(database, directory, report, finished));
  return report;
}

Result<IngestReport> checkpoint_journal(Database& database,
                                        const std::filesystem::path& directory) {
  ACCEL_TRY(const FileLock lock, lock_folder(directory));
  IngestReport report;
  std::vector<Finished> finished;
  ACCEL_CHECK(ingest_all(database, directory, report, finished));
  ACCEL_CHECK(database.checkpoint());
  for (const Finished& file : finished) {
    ACCEL_CHECK(retire(file.path, file.refused_lines, report));
    ACCEL_CHECK(database.execute("DELETE FROM journal_files WHERE file_name = ?",
                                 {file.path.filename().string()}));
  }
  ACCEL_CHECK(sync_directory(directory));
  return report;
}

}  // namespace accel::db
