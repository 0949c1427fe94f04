// SPDX-License-Identifier: Apache-2.0
#include "accel/db/journal.hpp"

#include <sys/resource.h>

#include <csignal>
#include <set>
#include <thread>

#include "db_fixture.hpp"
#include "journal_files.hpp"

namespace accel::db {
namespace {

class JournalTest : public DbTest {
 protected:
  std::unique_ptr<Journal> journal() { return Journal::open(folder(), clock, random).value(); }
  std::filesystem::path folder() const { return dir / "journal"; }
  std::vector<std::filesystem::path> files() const {
    return detail::journal_files(folder()).value();
  }
  std::vector<std::string> lines_of(const std::filesystem::path& file) const {
    auto reader = detail::JournalFile::open(file).value();
    reader.start_at(0, 0);
    std::vector<std::string> lines;
    detail::JournalLine line;
    while (reader.next(line).value()) lines.push_back(line.text);
    return lines;
  }
  static JournalRecord operation(const std::string& id) {
    return {id, RecordKind::operation, operation_json()};
  }

  SeededRandom random{7};
};

TEST_F(JournalTest, makes_no_file_before_there_is_something_to_say) {
  const auto writer = journal();
  EXPECT_TRUE(files().empty());
  EXPECT_TRUE(std::filesystem::is_directory(folder()));
}

TEST_F(JournalTest, appends_whole_lines_that_ingestion_takes) {
  const auto writer = journal();
  ASSERT_TRUE(writer->append(operation("a")));
  ASSERT_TRUE(writer->append({"b", RecordKind::run, run_json()}));
  ASSERT_EQ(files().size(), 1U);
  const auto lines = lines_of(files()[0]);
  ASSERT_EQ(lines.size(), 2U);
  for (const std::string& line : lines) EXPECT_TRUE(check_journal_line(line)) << line;
}

TEST_F(JournalTest, refuses_a_record_that_ingestion_would_refuse) {
  const auto writer = journal();
  EXPECT_EQ(writer->append({"a", RecordKind::run, "{}"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(writer->append({"", RecordKind::operation, operation_json()}).error().code,
            Errc::invalid_argument);
  EXPECT_TRUE(files().empty());
}

TEST_F(JournalTest, holds_its_lock_while_it_lives) {
  auto writer = journal();
  ASSERT_TRUE(writer->append(operation("a")));
  EXPECT_FALSE(detail::JournalFile::open(files()[0])->writer_gone());
  writer.reset();
  EXPECT_TRUE(detail::JournalFile::open(files()[0])->writer_gone());
}

TEST_F(JournalTest, gives_each_writer_a_file_of_its_own) {
  const auto first = journal();
  const auto second = journal();
  ASSERT_TRUE(first->append(operation("a")));
  ASSERT_TRUE(second->append(operation("b")));
  EXPECT_EQ(files().size(), 2U);
}

TEST_F(JournalTest, keeps_lines_whole_when_threads_append_at_once) {
  const auto writer = journal();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 10; ++i) {
          EXPECT_TRUE(writer->append(operation(fmt::format("{}-{}", t, i))));
        }
      });
    }
  }
  const auto lines = lines_of(files()[0]);
  EXPECT_EQ(lines.size(), 40U);
  for (const std::string& line : lines) EXPECT_TRUE(check_journal_line(line));
}

TEST_F(JournalTest, starts_another_file_when_one_is_full) {
  const auto writer = journal();
  std::string big = operation_json();
  big.replace(big.find("bafy"), 4, std::string(900'000, 'b'));
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(writer->append({fmt::format("r{}", i), RecordKind::operation, big}));
  }
  EXPECT_EQ(files().size(), 2U);
  for (const auto& file : files()) {
    EXPECT_LE(std::filesystem::file_size(file), kMaxJournalFileBytes);
  }
}

// A limit on the size of files stands in for a full disk: a write stops in the middle of a line.
TEST_F(JournalTest, leaves_no_piece_of_a_line_when_the_disk_is_full) {
  const auto writer = journal();
  ASSERT_TRUE(writer->append(operation("a")));
  const auto size = std::filesystem::file_size(files()[0]);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{size + 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const Status full = writer->append(operation("b"));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_FALSE(full);
  EXPECT_EQ(std::filesystem::file_size(files()[0]), size);
  ASSERT_TRUE(writer->append(operation("c")));
  EXPECT_EQ(lines_of(files()[0]).size(), 2U);
}

TEST_F(JournalTest, says_so_when_its_folder_can_not_be_written) {
  ASSERT_TRUE(write_file_atomic(dir / "file", as_bytes("x")));
  EXPECT_FALSE(Journal::open(dir / "file" / "journal", clock, random));
}

TEST_F(JournalTest, ids_sort_by_time_and_do_not_repeat) {
  std::set<std::string> ids;
  std::string last;
  for (int i = 0; i < 100; ++i) {
    clock.advance(std::chrono::milliseconds(1));
    const std::string id = new_record_id(clock, random);
    EXPECT_LT(last, id);
    last = id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 100U);
}

TEST_F(JournalTest, reads_lines_across_its_buffer_and_drops_what_is_too_long) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::string(static_cast<std::size_t>(i % 97), 'x') + "\n";
  text += std::string(3 * kMaxJournalLineBytes, 'y') + "\nafter\ntorn";
  ASSERT_TRUE(write_file_atomic(dir / "f.jsonl", as_bytes(text)));
  auto file = detail::JournalFile::open(dir / "f.jsonl").value();
  file.start_at(0, 0);
  detail::JournalLine line;
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(file.next(line).value());
    ASSERT_EQ(line.text.size(), static_cast<std::size_t>(i % 97));
    ASSERT_EQ(line.number, static_cast<std::uint64_t>(i) + 1);
  }
  ASSERT_TRUE(file.next(line).value());
  EXPECT_TRUE(line.too_long);
  ASSERT_TRUE(file.next(line).value());
  EXPECT_EQ(line.text, "after");
  EXPECT_EQ(line.end, text.size() - 4);
  ASSERT_TRUE(file.next(line).value());
  EXPECT_TRUE(line.torn);
  EXPECT_FALSE(file.next(line).value());
}

}  // namespace
}  // namespace accel::db
