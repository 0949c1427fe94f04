// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where what is not here comes from: flags of all commands that may fetch.

#include <string>
#include <vector>

#include "command.hpp"

namespace accel::cli {

struct SourceFlags {
  std::vector<std::string> from, from_file, routers, peers;
  std::uint64_t limit_rate = 0;
  bool background = false;

  void add_to(nlohmann::json& params) const;
};

void add_source_options(CLI::App* command, SourceFlags& flags);

}  // namespace accel::cli
