// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who vouches for what a mutable name led to. Used by the commands that follow names.

#include <nlohmann/json.hpp>

namespace accel::cli {

// One note per IPNS name on the way, of a result that has "signers".
void print_signers(const nlohmann::json& result);

}  // namespace accel::cli
