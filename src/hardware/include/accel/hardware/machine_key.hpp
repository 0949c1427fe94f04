// SPDX-License-Identifier: Apache-2.0
#pragma once
// The canonical text of "this machine, as far as measured choices hold": the node hashes it and
// keys remembered choices on it. Pure function.

#include <map>
#include <string>
#include <vector>

#include "accel/hardware/cpu_info.hpp"
#include "accel/hardware/platform.hpp"

namespace accel::hardware {

// One "name=value" a line, sorted where order means nothing: CPU model and ISA, the CPUs and memory
// this process may use, devices, drivers, engine versions. Free memory, load, clocks, canaries and
// times are left out on purpose: they change without changing the machine.
std::string machine_key_text(const CpuInfo& cpu, const std::vector<PlatformReport>& reports,
                             const std::map<std::string, std::string>& engine_versions);

}  // namespace accel::hardware
