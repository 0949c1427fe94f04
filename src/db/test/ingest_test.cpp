// SPDX-License-Identifier: Apache-2.0
// Exactly once, whatever happens on the way.
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "crc32.hpp"
#include "db_fixture.hpp"
#include "journal_line.hpp"

namespace accel::db {
namespace {

class Ingest : public DbTest {
 protected:
  void SetUp() override {
    DbTest::SetUp();
    database = migrated(dir / "h.duckdb");
    writer = open_writer();
  }
  std::filesystem::path folder() const { return dir / "journal"; }
  std::unique_ptr<Journal> open_writer() { return Journal::open(folder(), clock, random).value(); }

  void append(const std::string& id, RecordKind kind = RecordKind::operation) {
    const std::string json = kind == RecordKind::run         ? run_json()
                             : kind == RecordKind::operation ? operation_json()
                                                             : detection_json();
    const Status status = writer->append({id, kind, json});
    EXPECT_TRUE(status) << status.error().to_string();
  }
  IngestReport take_in() {
    const auto report = ingest(*database, folder());
    EXPECT_TRUE(report) << report.error().to_string();
    return report.value_or(IngestReport{});
  }
  IngestReport cut() {
    const auto report = checkpoint_journal(*database, folder());
    EXPECT_TRUE(report) << report.error().to_string();
    return report.value_or(IngestReport{});
  }
  std::string count(const std::string& table) {
    return cell(*database, "SELECT count(*) FROM " + table);
  }
  std::vector<std::filesystem::path> files(const std::string& extension = ".jsonl") const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder())) {
      if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    return found;
  }
  // Adds raw text behind the only file, as a crash or a stranger would.
  void scribble(const std::string& text) {
    ASSERT_EQ(files().size(), 1U);
    std::ofstream(files()[0], std::ios::app | std::ios::binary) << text;
  }
  // A file of a writer that is gone, made at once: append() syncs each line.
  void write_file_of(int records) {
    std::string text;
    for (int i = 0; i < records; ++i) {
      const JournalRecord record{fmt::format("op-{}", i), RecordKind::operation, operation_json()};
      text += detail::format_journal_line(record, "2026-11-21T10:40:00Z").value() + "\n";
    }
    ASSERT_TRUE(write_file_atomic(folder() / "many.jsonl", as_bytes(text)));
  }
  void end_writer() { writer.reset(); }

  std::unique_ptr<Database> database;
  std::unique_ptr<Journal> writer;
  SeededRandom random{7};
};

TEST_F(Ingest, puts_each_kind_of_record_into_its_tables) {
  append("run-1", RecordKind::run);
  append("op-1");
  append("det-1", RecordKind::detection);
  const IngestReport report = take_in();
  EXPECT_EQ(report.records, 3U);
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(count("test_runs"), "1");
  EXPECT_EQ(count("models"), "1");
  EXPECT_EQ(count("hardware_platforms"), "1");
  EXPECT_EQ(count("ipfs_operations"), "1");
  EXPECT_EQ(count("hardware_detection"), "2");
  const auto row = database->query(
      "SELECT run_id, weights_sha256, average_latency_ms, provenance, metrics->>'load' "
      "FROM performance_results");
  EXPECT_EQ(row->rows.at(0), (Row{std::string("run-1"), kWeights, 4.5, std::string("measured"),
                                  std::string("0.1")}));
  EXPECT_EQ(cell(*database, "SELECT started_at FROM test_runs"), "2026-11-21T10:40:00.123000Z");
}

TEST_F(Ingest, takes_what_a_node_saw_of_its_network_and_of_a_transfer) {
  const std::string metrics =
      R"({"metrics":{"recorded_at":"2026-11-21T10:40:00Z","peer_count":3,"network_efficiency":0.5,)"
      R"("links":[{"peer":"12D3"}],"provenance":"measured"}})";
  ASSERT_TRUE(writer->append({"net-1", RecordKind::network, metrics}));
  std::string operation = operation_json();
  operation.insert(operation.rfind('}'),
                   R"(,"acceleration":{"recorded_at":"2026-11-21T10:40:00Z","cid":"bafy",)"
                   R"("source":"p2p","p2p_optimized":true,"provenance":"measured"})");
  ASSERT_TRUE(writer->append({"op-1", RecordKind::operation, operation}));
  EXPECT_EQ(take_in().records, 2U);
  EXPECT_EQ(cell(*database, "SELECT metric_id FROM p2p_network_metrics"), "net-1");
  EXPECT_EQ(cell(*database, "SELECT result_id FROM ipfs_acceleration_results"), "op-1");
  EXPECT_EQ(cell(*database, "SELECT load_time_ms FROM ipfs_acceleration_results"), "");
}

TEST_F(Ingest, takes_each_record_once_however_often_it_is_called) {
  append("a");
  EXPECT_EQ(take_in().records, 1U);
  EXPECT_EQ(take_in().records, 0U);
  append("b");
  const IngestReport second = take_in();
  EXPECT_EQ(second.records, 1U);
  EXPECT_EQ(second.duplicates, 0U);  // What was read is not read again.
  EXPECT_EQ(count("ipfs_operations"), "2");
}

TEST_F(Ingest, knows_a_record_again_that_stands_in_two_files) {
  append("a");
  writer = open_writer();
  append("a");
  const IngestReport report = take_in();
  EXPECT_EQ(report.records, 1U);
  EXPECT_EQ(report.duplicates, 1U);
  EXPECT_EQ(count("ipfs_operations"), "1");
}

TEST_F(Ingest, of_the_same_model_and_platform_keeps_the_newest_description) {
  append("run-1", RecordKind::run);
  std::string newer = run_json();
  newer.replace(newer.find("minilm"), 6, "mini-lm-2");
  ASSERT_TRUE(writer->append({"run-2", RecordKind::run, newer}));
  EXPECT_EQ(take_in().records, 2U);
  EXPECT_EQ(count("models"), "1");
  EXPECT_EQ(cell(*database, "SELECT model_name FROM models"), "mini-lm-2");
  EXPECT_EQ(count("performance_results"), "2");
}

TEST_F(Ingest, takes_many_records_in_batches) {
  write_file_of(1100);
  EXPECT_EQ(take_in().records, 1100U);
  EXPECT_EQ(count("ipfs_operations"), "1100");
}

TEST_F(Ingest, skips_a_damaged_line_names_it_and_takes_the_rest) {
  append("a");
  scribble("{\"v\":1,\"id\":\"forged\"}\n");
  append("b");
  const IngestReport report = take_in();
  EXPECT_EQ(report.records, 2U);
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.problems[0].file, files()[0]);
  EXPECT_EQ(report.problems[0].line, 2U);
  EXPECT_FALSE(report.problems[0].reason.empty());
  EXPECT_TRUE(take_in().problems.empty());  // Said once.
}

TEST_F(Ingest, waits_for_the_rest_of_a_line_whose_writer_lives) {
  append("a");
  scribble("{\"v\":1,\"id\":\"b");
  EXPECT_TRUE(take_in().problems.empty());
  EXPECT_EQ(count("ipfs_operations"), "1");
}

TEST_F(Ingest, reports_a_torn_last_line_when_its_writer_is_gone) {
  append("a");
  scribble("{\"v\":1,\"id\":\"b");
  end_writer();
  const IngestReport report = take_in();
  EXPECT_EQ(report.records, 1U);
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.problems[0].line, 2U);
  EXPECT_EQ(report.problems[0].reason, "The last line was cut off when its writer ended.");
}

TEST_F(Ingest, takes_a_last_line_that_lacks_only_its_end) {
  append("a");
  end_writer();
  const auto file = files()[0];
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  const IngestReport report = take_in();
  EXPECT_EQ(report.records, 1U);
  EXPECT_TRUE(report.problems.empty());
}

TEST_F(Ingest, stops_before_a_line_of_a_newer_format) {
  append("a");
  const std::string head = R"({"v":2,"id":"future")";
  scribble(fmt::format("{},\"crc\":\"{:08x}\"}}\n", head, detail::crc32(head)));
  append("c");
  end_writer();
  const IngestReport report = cut();
  EXPECT_EQ(report.records, 1U);
  EXPECT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.files_removed, 0U);
  EXPECT_EQ(files().size(), 1U);
}

// The schema refuses what the code's table lets through: only that record may be lost.
TEST_F(Ingest, a_record_that_the_schema_refuses_does_not_take_others_with_it) {
  append("a");
  std::string twice = detection_json();
  twice.replace(twice.find("\"cuda\""), 6, "\"cpu\"");
  ASSERT_TRUE(writer->append({"det", RecordKind::detection, twice}));
  append("c");
  const IngestReport report = take_in();
  EXPECT_EQ(report.records, 2U);
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.problems[0].line, 2U);
  EXPECT_EQ(count("hardware_detection"), "0");
  EXPECT_EQ(count("journal_records"), "2");
}

TEST_F(Ingest, rebuilds_a_lost_database_until_the_checkpoint) {
  append("a");
  append("run-1", RecordKind::run);
  take_in();
  database.reset();
  std::filesystem::remove(dir / "h.duckdb");
  database = migrated(dir / "h.duckdb");
  EXPECT_EQ(take_in().records, 2U);
  EXPECT_EQ(count("performance_results"), "1");
}

TEST_F(Ingest, removes_a_file_only_when_its_writer_is_gone) {
  append("a");
  EXPECT_EQ(cut().files_removed, 0U);
  EXPECT_EQ(files().size(), 1U);
  append("b");
  end_writer();
  const IngestReport report = cut();
  EXPECT_EQ(report.records, 1U);
  EXPECT_EQ(report.files_removed, 1U);
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(count("ipfs_operations"), "2");
  EXPECT_EQ(count("journal_files"), "0");
}

TEST_F(Ingest, keeps_a_file_with_refused_lines_under_another_name) {
  append("a");
  scribble("nonsense\n");
  end_writer();
  const IngestReport report = cut();
  EXPECT_EQ(report.files_kept, 1U);
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(files(".rejected").size(), 1U);
  EXPECT_EQ(cut().files, 0U);
}

TEST_F(Ingest, reads_a_file_from_its_start_when_it_has_shrunk) {
  append("a");
  append("b");
  take_in();
  end_writer();
  const auto file = files()[0];
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  const IngestReport report = take_in();
  EXPECT_EQ(report.problems.at(0).reason, "The file is shorter than what was read of it before.");
  EXPECT_EQ(report.duplicates, 1U);
  EXPECT_EQ(count("ipfs_operations"), "2");
}

TEST_F(Ingest, finds_nothing_in_an_empty_or_missing_folder) {
  EXPECT_EQ(take_in().files, 0U);
  EXPECT_EQ(ingest(*database, dir / "elsewhere")->files, 0U);
}

TEST_F(Ingest, follows_no_links) {
  append("a");
  std::filesystem::create_symlink("/etc/passwd", folder() / "link.jsonl");
  const auto report = ingest(*database, folder());
  EXPECT_TRUE(!report || report->records == 1U);
}

// A process that is killed in the middle of ingestion: the next one completes it, nothing is
// doubled.
TEST_F(Ingest, survives_being_killed_at_any_moment) {
  write_file_of(3000);
  database.reset();
  for (int round = 0; round < 5; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(0);
      itimerval timer{};
      timer.it_value.tv_usec = 40'000 + round * 40'000;
      std::signal(SIGALRM, SIG_DFL);
      ::setitimer(ITIMER_REAL, &timer, nullptr);
      auto own = migrated(dir / "h.duckdb");
      const auto report = ingest(*own, folder());
      ::_exit(report ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
  }
  database = migrated(dir / "h.duckdb");
  cut();
  EXPECT_EQ(count("ipfs_operations"), "3000");
  EXPECT_EQ(cell(*database, "SELECT count(DISTINCT operation_id) FROM ipfs_operations"), "3000");
  EXPECT_TRUE(files().empty());
}

}  // namespace
}  // namespace accel::db
