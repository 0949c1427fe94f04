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
  int top_k = 0;  // 0: what the node takes by itself.

  bool given() const { return !image.empty() || !audio.empty() || !file.empty(); }
  // Reads the file and adds it, as base64. Errors: as reading it; invalid_argument (two of them, an
  // empty file), resource_exhausted.
  Status add_to(nlohmann::json& params) const;
};

void add_media_options(CLI::App& command, MediaFlags& flags);
// One table for each input: labels, texts and places with their scores.
Status print_findings(const nlohmann::json& result, const std::vector<std::string>& inputs);
Status list_families(Session& session);

}  // namespace accel::cli
