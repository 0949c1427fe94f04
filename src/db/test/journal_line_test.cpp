// SPDX-License-Identifier: Apache-2.0
#include "journal_line.hpp"

#include <gtest/gtest.h>

#include "crc32.hpp"
#include "db_fixture.hpp"

namespace accel::db {
namespace {

constexpr std::string_view kTime = "2026-11-21T10:40:00.123Z";

Result<std::string> line_of(RecordKind kind, const std::string& json,
                            const std::string& id = "id-1") {
  return detail::format_journal_line({id, kind, json}, kTime);
}

// A line with a right checksum around anything.
std::string sealed(const std::string& head) {
  return head + fmt::format(",\"crc\":\"{:08x}\"}}", detail::crc32(head));
}

std::string refusal(RecordKind kind, const std::string& json) {
  const auto line = line_of(kind, json);
  EXPECT_FALSE(line) << "was taken: " << json;
  return line ? "" : line.error().message;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(JournalLine, reads_back_the_run_that_it_wrote) {
  const auto line = line_of(RecordKind::run, run_json());
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->find('\n'), std::string::npos);
  const auto record = detail::parse_journal_line(*line);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->id, "id-1");
  EXPECT_EQ(record->time, kTime);
  ASSERT_EQ(record->tables.size(), 4U);
  EXPECT_EQ(record->tables[0].table->table, "test_runs");
  EXPECT_EQ(record->tables[0].rows[0][0], Value(std::string("id-1")));  // run_id is the record's.
  EXPECT_EQ(record->tables[3].rows[0][0], Value(std::string("id-1/0")));
  EXPECT_EQ(record->tables[3].rows[0][1], Value(std::string("id-1")));
}

TEST(JournalLine, reads_back_operations_and_detections) {
  EXPECT_TRUE(line_of(RecordKind::operation, operation_json()));
  const auto line = line_of(RecordKind::detection, detection_json());
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(detail::parse_journal_line(*line)->tables[0].rows.size(), 2U);
}

TEST(JournalLine, notices_every_flipped_byte_and_every_cut) {
  const std::string line = line_of(RecordKind::operation, operation_json()).value();
  for (std::size_t i = 0; i < line.size(); ++i) {
    std::string damaged = line;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x01);
    EXPECT_FALSE(check_journal_line(damaged)) << i;
    EXPECT_FALSE(check_journal_line(line.substr(0, i))) << i;
  }
  EXPECT_TRUE(check_journal_line(line));
}

TEST(JournalLine, says_what_is_wrong_with_a_value) {
  const std::string run = run_json();
  EXPECT_EQ(refusal(RecordKind::run, replaced(run, "\"threads\": 1", "\"threads\": 0")),
            "results.threads must be a whole number from 1.");
  EXPECT_EQ(refusal(RecordKind::run, replaced(run, "4.5", "-4.5")),
            "results.average_latency_ms must be a number from 0.");
  EXPECT_EQ(refusal(RecordKind::run, replaced(run, "\"iterations\": 20", "\"iterations\": 2.5")),
            "results.iterations must be a whole number from 0.");
  EXPECT_EQ(refusal(RecordKind::run, replaced(run, "\"success\": true", "\"success\": 1")),
            "test_run.success must be true or false.");
  EXPECT_EQ(
      refusal(RecordKind::run, replaced(run, "\"metrics\": {\"load\": 0.1}", "\"metrics\": 5")),
      "results.metrics must be an object or array.");
  EXPECT_EQ(refusal(RecordKind::run, replaced(run, "10:40:00.123Z", "25:40:00.123Z")),
            "test_run.started_at must be a time such as 2026-11-21T10:40:00.123Z.");
  EXPECT_EQ(refusal(RecordKind::operation, replaced(operation_json(), "gateway", "carrier pigeon")),
            "operation.source must be one of cache, p2p, ipfs, gateway, range, local.");
}

TEST(JournalLine, wants_to_know_how_a_figure_is_known) {
  const std::string run = run_json();
  EXPECT_EQ(refusal(RecordKind::run, replaced(run, "\"measured\"", "\"guessed\"")),
            "models.provenance must be one of measured, predicted, simulated, reported.");
  EXPECT_EQ(refusal(RecordKind::operation,
                    replaced(operation_json(), ", \"provenance\": \"measured\"", "")),
            "operation needs a value for provenance.");
  EXPECT_EQ(refusal(RecordKind::run, replaced(run, ", \"provenance_source\": \"linux\"", "")),
            "hardware says that its figures are reported, but provenance_source doesn't say by "
            "whom.");
}

TEST(JournalLine, refuses_missing_and_unknown_members) {
  EXPECT_EQ(refusal(RecordKind::run, "{}"), "The record has no member test_run.");
  EXPECT_EQ(refusal(RecordKind::run, run_json(", \"colour\": \"red\"")),
            "results has a column that the table performance_results doesn't have.");
  EXPECT_EQ(refusal(RecordKind::operation, "{\"operation\": [], \"x\": 1}"),
            "operation must be an object.");
  EXPECT_EQ(refusal(RecordKind::detection, "{\"platforms\": {}}"),
            "platforms must be an array of objects.");
  EXPECT_EQ(refusal(RecordKind::detection, "{\"platforms\": [5]}"), "platforms must hold objects.");
  EXPECT_NE(refusal(RecordKind::detection, "{\"platforms\": [], \"more\": 1}").find("members"),
            std::string::npos);
  EXPECT_EQ(refusal(RecordKind::run, "[1]"), "The record's data is not a JSON object.");
  EXPECT_EQ(refusal(RecordKind::run, "{"), "The record's data is not a JSON object.");
}

TEST(JournalLine, lets_no_row_claim_another_record) {
  EXPECT_EQ(refusal(RecordKind::run, run_json(", \"run_id\": \"other\"")),
            "results.run_id differs from the record's id.");
  EXPECT_TRUE(line_of(RecordKind::run, run_json(", \"run_id\": \"id-1\"")));
}

TEST(JournalLine, limits_ids) {
  for (const std::string& id : {std::string(), std::string("a b"), std::string("a\nb"),
                                std::string("../x"), std::string(129, 'a'), std::string("\xFF")}) {
    EXPECT_FALSE(line_of(RecordKind::operation, operation_json(), id)) << id;
  }
}

TEST(JournalLine, limits_nesting_and_size) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_NE(refusal(RecordKind::operation, "{\"x\": " + deep + "}").find("nested deeper"),
            std::string::npos);
  EXPECT_NE(check_journal_line(sealed("{\"v\":1,\"data\":" + deep)).error().message.find("nested"),
            std::string::npos);
  const std::string big =
      replaced(operation_json(), "bafy", std::string(kMaxJournalLineBytes, 'b'));
  EXPECT_NE(refusal(RecordKind::operation, big).find("at most"), std::string::npos);
}

TEST(JournalLine, leaves_a_newer_format_to_a_newer_program) {
  const Status newer = check_journal_line(sealed(R"({"v":2,"id":"a","something":"new")"));
  EXPECT_EQ(newer.error().code, Errc::unsupported);
  EXPECT_EQ(newer.error().message, "The record has the format 2; this program reads 1.");
}

TEST(JournalLine, refuses_envelopes_that_only_look_right) {
  for (const char* head :
       {R"({"v":1)", R"({"v":"1","id":"a","kind":"run","time":"2026-11-21T10:40:00Z","data":{})",
        R"({"v":1,"id":5,"kind":"run","time":"2026-11-21T10:40:00Z","data":{})",
        R"({"v":1,"id":"a","kind":"walk","time":"2026-11-21T10:40:00Z","data":{})",
        R"({"v":1,"id":"a","kind":"run","time":"yesterday","data":{})",
        R"({"v":1,"id":"a","kind":"run","time":"2026-11-21T10:40:00Z","data":[])",
        R"({"v":1,"id":"a","kind":"run","time":"2026-11-21T10:40:00Z","data":{},"more":1)", "[1",
        "", "null", R"({"v":1}{)"}) {
    EXPECT_FALSE(check_journal_line(sealed(head))) << head;
  }
}

TEST(JournalLine, keeps_text_of_all_kinds_but_no_nul) {
  const std::string odd = replaced(operation_json(), "bafy", R"(\u00e9\n\"\\\u4f60\ud83d\ude00)");
  const auto record = detail::parse_journal_line(line_of(RecordKind::operation, odd).value());
  EXPECT_EQ(record->tables[0].rows[0][2], Value(std::string("é\n\"\\\u4f60\U0001F600")));
  EXPECT_FALSE(line_of(RecordKind::operation, replaced(operation_json(), "bafy", R"(a\u0000b)")));
}

TEST(JournalTime, takes_days_that_exist) {
  for (const char* good : {"2026-11-21T10:40:00Z", "2024-02-29T00:00:00.1Z",
                           "2000-02-29T23:59:59.999999Z", "0001-01-01T00:00:00Z"}) {
    EXPECT_TRUE(detail::is_rfc3339_utc(good)) << good;
  }
  for (const char* bad :
       {"", "2026-11-21", "2026-11-21T10:40:00", "2026-11-21T10:40:00+01:00",
        "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00,1Z",
        "2026-01-01 00:00:00Z", "20a6-01-01T00:00:00Z"}) {
    EXPECT_FALSE(detail::is_rfc3339_utc(bad)) << bad;
  }
}

}  // namespace
}  // namespace accel::db
