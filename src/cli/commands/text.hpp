// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writing text, shared by `run --prompt` and `text generate`.

#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "commands/endpoint_flags.hpp"
#include "commands/source_flags.hpp"

namespace accel::cli {

struct TextFlags {
  std::string model, prompt, system, json_schema;
  std::vector<std::string> stop;
  std::optional<int> max_tokens;
  int top_k = 0, threads = 0;
  double temperature = 0, top_p = 1;
  std::int64_t seed = -1;
  std::string draft;
  bool raw = false;
  EndpointFlags endpoint;
  SourceFlags sources;  // Of a model that is not here.
};

void add_text_options(CLI::App& command, TextFlags& flags);
Status generate_text(Session& session, const TextFlags& flags);
void add_generate_command(CLI::App& text, Selection& selection);
void add_ps_command(CLI::App& app, Selection& selection);

}  // namespace accel::cli
