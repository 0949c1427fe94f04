// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this program was built from, for `version` and the records. CMake fills build_info.cpp.in at
// configure time.

#include <string_view>

namespace accel::node {

extern const std::string_view kVersion;    // "0.1.0"
extern const std::string_view kGitCommit;  // 40 hex digits, or empty outside a checkout.
extern const std::string_view kSystem;     // "amd64/linux": what it was built for, as Go names it.

}  // namespace accel::node
