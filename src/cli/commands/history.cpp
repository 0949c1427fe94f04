// SPDX-License-Identifier: Apache-2.0
// history {query, report}: what ran here, as recorded.
#include <memory>

#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

std::string cell(const json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.4g}", value.get<double>());
  return value.dump();
}

Status print_rows(Session& session, const json& result) {
  if (session.flags().json) return print_json(result);
  std::vector<std::string> header;
  for (const json& column : result.at("columns")) header.push_back(column.at("name"));
  std::vector<std::vector<std::string>> rows;
  for (const json& row : result.at("rows")) {
    std::vector<std::string> cells;
    for (const json& value : row) cells.push_back(cell(value));
    rows.push_back(std::move(cells));
  }
  ACCEL_CHECK(print_table(header, rows));
  if (result.value("truncated", false)) print_note("more rows exist; raise --limit");
  return {};
}

struct QueryFlags {
  std::string sql;
  std::int64_t limit = 1000;
};

}  // namespace

void add_history_commands(CLI::App& app, Selection& selection) {
  CLI::App* group = add_command(app, "history", "What ran, on what, how fast",
                                "  ipfs-accelerate history report");
  group->require_subcommand(1);
  auto flags = std::make_shared<QueryFlags>();
  CLI::App* query =
      add_command(*group, "query", "Read-only SQL over the recorded results",
                  "  ipfs-accelerate history query --sql 'select * from test_runs' --json");
  query->add_option("--sql", flags->sql, "One SELECT")->required();
  query->add_option("--limit", flags->limit, "Rows at most (default 1000)")
      ->check(CLI::Range(1, 1'000'000));
  on_chosen(query, selection, [flags](Session& session) -> Status {
    ACCEL_TRY(const json result,
              session.call("history.query", {{"sql", flags->sql}, {"limit", flags->limit}}));
    return print_rows(session, result);
  });
  auto limit = std::make_shared<std::int64_t>(20);
  CLI::App* report = add_command(*group, "report", "The latest runs, one a line",
                                 "  ipfs-accelerate history report");
  report->add_option("--limit", *limit, "Rows at most (default 20)")->check(CLI::Range(1, 10'000));
  on_chosen(report, selection, [limit](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("history.report", {{"limit", *limit}}));
    return print_rows(session, result);
  });
}

}  // namespace accel::cli
