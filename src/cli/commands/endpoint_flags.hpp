// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who answers a request besides this node: shared by `run`, `text generate` and `text embed`.

#include <string>

#include "command.hpp"

namespace accel::cli {

struct EndpointFlags {
  std::string endpoint, policy;

  void add_to(nlohmann::json& params) const;
};

void add_endpoint_options(CLI::App& command, EndpointFlags& flags);
// One note: who answered, how fast, what it reports to have used.
void print_endpoint(const nlohmann::json& result);

}  // namespace accel::cli
