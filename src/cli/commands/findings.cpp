// SPDX-License-Identifier: Apache-2.0
#include "commands/findings.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "accel/core/file.hpp"
#include "accel/ipld/multibase.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxMediaBytes = 20U << 20U;  // What a node takes.

std::string shown(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.2f}", value.get<double>());
  return value.dump();
}

std::string box_text(const json& box) {
  return fmt::format("{:.0f},{:.0f} {:.0f},{:.0f}", box.value("xmin", 0.0), box.value("ymin", 0.0),
                     box.value("xmax", 0.0), box.value("ymax", 0.0));
}

// Only the columns that something is in.
Status print_row(const json& findings) {
  constexpr std::array<std::pair<const char*, const char*>, 6> kColumns{{{"label", "LABEL"},
                                                                         {"text", "TEXT"},
                                                                         {"index", "INDEX"},
                                                                         {"start", "START"},
                                                                         {"end", "END"},
                                                                         {"box", "BOX"}}};
  std::vector<std::string> header{"SCORE"};
  std::vector<const char*> keys;
  for (const auto& [key, title] : kColumns) {
    const auto has = [key = key](const json& finding) { return finding.contains(key); };
    if (std::none_of(findings.begin(), findings.end(), has)) continue;
    keys.push_back(key);
    header.emplace_back(title);
  }
  std::vector<std::vector<std::string>> rows;
  for (const json& finding : findings) {
    std::vector<std::string>& row =
        rows.emplace_back(1, fmt::format("{:.4f}", finding.at("score").get<double>()));
    for (const char* const key : keys) {
      const auto value = finding.find(key);
      const bool is_box = std::string_view(key) == "box";
      row.push_back(value == finding.end() ? "-" : is_box ? box_text(*value) : shown(*value));
    }
  }
  return print_table(header, std::move(rows));
}

}  // namespace

Status MediaFlags::add_to(json& params) const {
  if (!query.empty()) params["query"] = query;
  if (top_k != 0) params["top_k"] = top_k;
  const std::pair<const char*, const std::string*> kinds[] = {
      {"image", &image}, {"audio", &audio}, {"file", &file}};
  for (const auto& [kind, path] : kinds) {
    if (path->empty()) continue;
    ACCEL_TRY(const Bytes bytes, read_file(*path, kMaxMediaBytes));
    if (bytes.empty()) return fail(Errc::invalid_argument, "{} is empty: it has no bytes.", *path);
    params[kind] = ipld::base_encode(ipld::Multibase::base64, bytes);
  }
  return {};
}

void add_media_options(CLI::App& command, MediaFlags& flags) {
  command.add_option("--image", flags.image, "An image (JPEG or PNG) for a model that takes one");
  command.add_option("--audio", flags.audio, "A recording (WAV) for a model that takes one");
  command.add_option("--file", flags.file, "A file of any kind, for a model that tells which");
  command.add_option("--query", flags.query,
                     "The question to the texts of --input, or what they are ranked by");
}

Status print_findings(const json& result, const std::vector<std::string>& inputs) {
  const json& rows = result.at("results");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.size() > 1 && i < inputs.size()) ACCEL_CHECK(print_line(inputs[i]));
    if (rows[i].empty()) {
      ACCEL_CHECK(print_line("Nothing was found."));
    } else {
      ACCEL_CHECK(print_row(rows[i]));
    }
  }
  return {};
}

Status list_families(Session& session) {
  ACCEL_TRY(const json result, session.call("models.families", json::object()));
  if (session.flags().json) return print_json(result);
  std::vector<std::vector<std::string>> rows;
  for (const json& family : result.at("families")) {
    std::vector<std::string> row{family.at("task"), family.at("takes")};
    for (const json& tested : family.at("tested")) {
      for (const char* key : {"model", "licence", "engine", "reference", "agreement", "cid"}) {
        const std::string text = tested.value(key, std::string());
        row.push_back(text.empty() ? "-" : text);
      }
      rows.push_back(std::exchange(row, {"", ""}));
    }
  }
  return print_table(
      {"TASK", "TAKES", "TESTED WITH", "LICENCE", "ENGINE", "AGAINST", "AGREEMENT", "CID"}, rows);
}

}  // namespace accel::cli
