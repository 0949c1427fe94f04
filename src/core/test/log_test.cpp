// SPDX-License-Identifier: Apache-2.0
#include "accel/core/log.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "temp_dir.hpp"

namespace accel {
namespace {

constexpr std::string_view kTime = "2026-11-21T10:40:00.123Z";

log::Event event(std::string_view message) {
  return {kTime, log::Level::info, "exchange", message};
}

TEST(LogText, is_one_line_for_people) {
  EXPECT_EQ(log::format_text(event("Pulled."), {{"cid", "bafy"}, log::field("bytes", 12)}),
            "2026-11-21T10:40:00.123Z info  exchange: Pulled. cid=bafy bytes=12");
}

TEST(LogText, quotes_values_with_spaces_and_empty_ones) {
  EXPECT_EQ(log::format_text(event("x"), {{"why", "two \"words\""}, {"none", ""}}),
            R"(2026-11-21T10:40:00.123Z info  exchange: x why="two \"words\"" none="")");
}

TEST(LogText, a_hostile_value_can_not_forge_a_line_or_drive_the_terminal) {
  const std::string line =
      log::format_text(event("name\n2026 error forged"), {{"a", "\x1b[2J\r\xC2\x9B"}});
  EXPECT_EQ(line, R"(2026-11-21T10:40:00.123Z info  exchange: name\n2026 error forged)"
                  R"( a=\x1b[2J\x0d\x9b)");
}

TEST(LogText, keeps_text_of_all_languages) {
  EXPECT_EQ(log::format_text(event("Größe \u4f60"), {}),
            "2026-11-21T10:40:00.123Z info  exchange: Größe \u4f60");
}

TEST(LogJson, reads_back_with_every_character_intact) {
  const std::string hostile = "a\"b\\c\n\t\x01/\u2028\u00e9";
  const auto json = nlohmann::json::parse(log::format_json(event(hostile), {{"key\"", hostile}}));
  EXPECT_EQ(json["message"], hostile);
  EXPECT_EQ(json["key\""], hostile);
  EXPECT_EQ(json["level"], "info");
  EXPECT_EQ(json["module"], "exchange");
  EXPECT_EQ(json["time"], kTime);
}

TEST(LogJson, replaces_bytes_that_are_not_utf8) {
  const auto json = nlohmann::json::parse(log::format_json(event("a\xFF"), {}));
  EXPECT_EQ(json["message"], "a\uFFFD");
}

TEST(LogJson, keeps_numbers_as_numbers_but_for_those_that_json_lacks) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto json = nlohmann::json::parse(log::format_json(
      event("x"), {log::field("n", -3), log::field("r", 0.5), log::field("b", true),
                   log::field("inf", infinity), log::field("s", "7")}));
  EXPECT_EQ(json["n"], -3);
  EXPECT_EQ(json["r"], 0.5);
  EXPECT_EQ(json["b"], true);
  EXPECT_EQ(json["inf"], "inf");
  EXPECT_EQ(json["s"], "7");
}

TEST(LogLevel, reads_its_names_and_lists_them_when_it_can_not) {
  EXPECT_EQ(log::level_from_name("debug").value(), log::Level::debug);
  EXPECT_NE(log::level_from_name("loud").error().message.find("trace, debug, info"),
            std::string::npos);
}

class LogFile : public TempDir {
 protected:
  void TearDown() override {
    EXPECT_TRUE(log::configure({}));
    TempDir::TearDown();
  }
};

TEST_F(LogFile, holds_the_events_from_its_level_up) {
  ASSERT_TRUE(log::configure({log::Level::info, true, dir / "log.jsonl"}));
  EXPECT_TRUE(log::enabled(log::Level::info));
  EXPECT_FALSE(log::enabled(log::Level::debug));
  log::debug("core", "hidden");
  log::warn("core", "shown", {log::field("n", 1)});
  const auto json = nlohmann::json::parse(content(dir / "log.jsonl"));
  EXPECT_EQ(json["message"], "shown");
  EXPECT_EQ(json["n"], 1);
}

TEST_F(LogFile, keeps_lines_whole_when_threads_write_at_once) {
  ASSERT_TRUE(log::configure({log::Level::info, true, dir / "log.jsonl"}));
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([] {
        for (int i = 0; i < 50; ++i) log::info("core", "line", {log::field("i", i)});
      });
    }
  }
  const std::string text = content(dir / "log.jsonl");
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const std::size_t end = text.find('\n', at);
    EXPECT_TRUE(nlohmann::json::accept(text.substr(at, end - at)));
    at = end + 1;
  }
  EXPECT_EQ(lines, 200U);
}

TEST_F(LogFile, that_can_not_be_opened_is_an_error) {
  const Status status = log::configure({log::Level::info, false, "/proc/no/such/file"});
  EXPECT_EQ(status.error().code, Errc::io);
}

}  // namespace
}  // namespace accel
