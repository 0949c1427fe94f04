// SPDX-License-Identifier: Apache-2.0
#pragma once
// What models of the families of `models families` take from a command line and give to people.

#include <string>
#include <vector>

#include "command.hpp"

namespace accel::cli {

struct MediaFlags {
  std::string image, audio, file;
  std::string query;
  std::string language;  // Of a recording.
  int top_k = 0;         // 0: what the node takes by itself.
  std::int64_t seed = -1;
  std::vector<std::string> parameters;  // NAME=NUMBER
  std::string output;                   // Where a made image or recording goes.
  bool force = false;                   // It may replace what is there.

  bool given() const { return !image.empty() || !audio.empty() || !file.empty(); }
  // For models that make something of nothing but chance.
  bool makes() const { return seed >= 0 || !parameters.empty() || !output.empty(); }
  // Reads the file and adds it, as base64. Errors: as reading it; invalid_argument (two of them, an
  // empty file), resource_exhausted.
  Status add_to(nlohmann::json& params) const;
};

// Before anything is run for it. Errors: already_exists (something is at --output, without
// --force).
Status check_output(const MediaFlags& flags);

void add_media_options(CLI::App& command, MediaFlags& flags);
// One table for each input: labels, texts and places with their scores; or what was said.
Status print_findings(const nlohmann::json& result, const std::vector<std::string>& inputs);
// Writes what was made to --output; in `result` the path stands for the bytes then. Errors:
// invalid_argument (--output to a model that makes nothing), and as writing the file.
Status keep_media(nlohmann::json& result, const std::string& output);
Status list_families(Session& session);

}  // namespace accel::cli
