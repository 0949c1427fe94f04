// SPDX-License-Identifier: Apache-2.0
#include "commands/findings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "accel/core/file.hpp"
#include "accel/ipld/multibase.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxMediaBytes = 20U << 20U;  // What a node takes.

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::string shown(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.2f}", value.get<double>());
  return value.dump();
}

std::string box_text(const json& box) {
  return fmt::format("{:.0f},{:.0f} {:.0f},{:.0f}", box.value("xmin", 0.0), box.value("ymin", 0.0),
                     box.value("xmax", 0.0), box.value("ymax", 0.0));
}

std::string polygon_text(const json& polygon) {
  std::string text;
  for (const json& corner : polygon) {
    text += fmt::format("{}{:.0f},{:.0f}", text.empty() ? "" : " ", corner.at(0).get<double>(),
                        corner.at(1).get<double>());
  }
  return text;
}

std::string keypoints_text(const json& keypoints) {
  std::string text;
  for (const auto& [name, at] : keypoints.items()) {
    text += fmt::format("{}{} {:.0f},{:.0f}", text.empty() ? "" : "; ", name,
                        at.at(0).get<double>(), at.at(1).get<double>());
  }
  return text;
}

std::string cell_of(std::string_view key, const json& value) {
  if (key == "box") return box_text(value);
  if (key == "polygon") return polygon_text(value);
  return key == "keypoints" ? keypoints_text(value) : shown(value);
}

// Only the columns that something is in.
Status print_row(const json& findings) {
  constexpr std::array<std::pair<const char*, const char*>, 8> kColumns{
      {{"label", "LABEL"},
       {"text", "TEXT"},
       {"index", "INDEX"},
       {"start", "START"},
       {"end", "END"},
       {"box", "BOX"},
       {"polygon", "PLACE"},
       {"keypoints", "KEYPOINTS"}}};
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
      row.push_back(value == finding.end() ? "-" : cell_of(key, *value));
    }
  }
  return print_table(header, std::move(rows));
}

Status print_transcript(const json& result) {
  for (const json& segment : result.at("segments")) {
    std::string text = segment.at("text").get<std::string>();
    text.erase(0, text.find_first_not_of(' '));
    ACCEL_CHECK(print_line(fmt::format("[{:.2f} - {:.2f}] {}", segment.at("start").get<double>(),
                                       segment.at("end").get<double>(), text)));
  }
  if (!result.at("segments").empty()) return {};
  return print_line("Nothing is said.");
}

}  // namespace

Status MediaFlags::add_to(json& params) const {
  if (!query.empty()) params["query"] = query;
  if (!language.empty()) params["language"] = language;
  if (top_k != 0) params["top_k"] = top_k;
  if (seed >= 0) params["seed"] = seed;
  for (const std::string& text : parameters) {
    const std::size_t equals = text.find('=');
    const auto number = number_of(text.substr(std::min(equals, text.size() - 1) + 1));
    if (equals == 0 || equals == std::string::npos || !number) {
      return fail(Errc::invalid_argument, "--parameter takes NAME=NUMBER, not \"{}\".", text);
    }
    params["parameters"][text.substr(0, equals)] = *number;
  }
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
  command.add_option(
      "--audio", flags.audio,
      "A recording (WAV; FLAC, Ogg, MP3 with libsndfile) for a model that takes one");
  command.add_option("--file", flags.file, "A file of any kind, for a model that tells which");
  command.add_option("--parameter", flags.parameters,
                     "NAME=NUMBER that the model takes besides; may be given several times");
  command.add_option("--output", flags.output,
                     "Where to write the image or recording that a model makes");
  command.add_flag("-f,--force", flags.force, "Replace what is at the output path");
  command.add_option("--language", flags.language,
                     "What is spoken in a recording (en, de, …); default: the model finds out");
  command.add_option("--query", flags.query,
                     "The question to the texts of --input, or what they are ranked by");
}

Status print_findings(const json& result, const std::vector<std::string>& inputs) {
  if (result.contains("segments")) return print_transcript(result);
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

Status check_output(const MediaFlags& flags) {
  std::error_code ignored;
  const auto there = std::filesystem::symlink_status(flags.output, ignored);
  if (flags.output.empty() || flags.force || !std::filesystem::exists(there)) return {};
  return fail(Errc::already_exists, "{} exists already; --force replaces it.", flags.output);
}

Status keep_media(json& result, const std::string& output) {
  const auto media = result.find("media");
  if (output.empty()) return {};
  if (media == result.end())
    return fail(Errc::invalid_argument, "The model makes no file: leave --output out.");
  ACCEL_TRY(const Bytes bytes,
            ipld::base_decode(ipld::Multibase::base64, media->at("data").get<std::string>()));
  ACCEL_CHECK(write_file_atomic(output, bytes));
  *media = {{"type", media->at("type")}, {"file", output}, {"bytes", bytes.size()}};
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
