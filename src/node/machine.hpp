// SPDX-License-Identifier: Apache-2.0
#pragma once
// This machine as remembered choices see it, cheaply: what was detected is kept in the store as
// long as hardware's stamp says that it holds, so that a run loads no driver. Used by run and
// hardware methods.

#include <stop_token>
#include <string>
#include <vector>

#include "accel/hardware/cpu_info.hpp"
#include "accel/hardware/platform.hpp"
#include "services.hpp"

namespace accel::node {

// detect() with canaries of the engines at hand. Slow (seconds): loads drivers and engines. Errors:
// cancelled.
Result<std::vector<hardware::PlatformReport>> detect_platforms(Services& services,
                                                               std::stop_token stop);

struct Machine {
  hardware::CpuInfo cpu;
  std::string key;  // 64 hex digits: SHA-256 of hardware::machine_key_text().
};
// Errors: as the store; cancelled.
Result<Machine> this_machine(Services& services, std::stop_token stop);

}  // namespace accel::node
