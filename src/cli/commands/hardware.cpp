// SPDX-License-Identifier: Apache-2.0
// hardware {detect, profile}: what is here, and how it is known.
#include <memory>

#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

Status detect(Session& session) {
  ACCEL_TRY(const json result, session.call("hardware.detect", json::object()));
  if (session.flags().json) return print_json(result);
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> untested;
  for (const json& row : result) {
    std::string what = row.value("available", false) ? "available" : "no";
    if (row.value("emulated", false)) what += " (emulated)";
    if (const json why = row.value("untested", json()); why.is_string()) {
      what += " (untested)";
      untested.push_back(fmt::format("{} is untested: {}", row.value("platform", std::string()),
                                     why.get<std::string>()));
    }
    std::string devices;
    for (const json& device : row.at("devices")) {
      devices += (devices.empty() ? "" : ", ") + device.value("name", std::string());
    }
    rows.push_back({row.at("platform"), what, devices.empty() ? "-" : devices,
                    row.value("reason", std::string())});
  }
  ACCEL_CHECK(print_table({"PLATFORM", "AVAILABLE", "DEVICES", "REASON"}, rows));
  for (const std::string& line : untested) ACCEL_CHECK(print_line(line));
  return {};
}

Status profile(Session& session, double seconds) {
  ACCEL_TRY(const json result, session.call("hardware.profile", {{"seconds", seconds}}));
  if (session.flags().json) return print_json(result);
  const json& cpu = result.at("cpu");
  ACCEL_CHECK(print_line(fmt::format("{}: {} cores, {} usable, {} memory",
                                     cpu.value("model", std::string()),
                                     cpu.value("physical_cores", 0), cpu.value("usable_cpus", 0),
                                     human_bytes(cpu.value("memory_bytes", std::uint64_t{0})))));
  std::vector<std::vector<std::string>> rows;
  for (const json& row : result.at("measurements")) {
    rows.push_back({row.at("what"), std::to_string(row.value("threads", 0)),
                    fmt::format("{:.2f}", row.value("value", 0.0)), row.at("unit"),
                    fmt::format("{:.2f} to {:.2f}", row.value("low", 0.0), row.value("high", 0.0)),
                    row.value("method", std::string()), row.value("provenance", std::string())});
  }
  return print_table({"WHAT", "THREADS", "MEDIAN", "UNIT", "RANGE", "HOW", "PROVENANCE"}, rows);
}

}  // namespace

void add_hardware_commands(CLI::App& app, Selection& selection) {
  CLI::App* group = add_command(app, "hardware", "What this machine can run models on",
                                "  ipfs-accelerate hardware detect");
  group->require_subcommand(1);
  CLI::App* detect_command =
      add_command(*group, "detect", "All eight platforms, each with its reason",
                  "  ipfs-accelerate hardware detect --json");
  on_chosen(detect_command, selection, detect);
  auto seconds = std::make_shared<double>(2.0);
  CLI::App* profile_command =
      add_command(*group, "profile", "Measure memory bandwidth and arithmetic briefly",
                  "  ipfs-accelerate hardware profile --seconds 2");
  profile_command->add_option("--seconds", *seconds, "How long to measure (default 2)")
      ->check(CLI::Range(0.1, 60.0));
  on_chosen(profile_command, selection,
            [seconds](Session& session) { return profile(session, *seconds); });
}

}  // namespace accel::cli
