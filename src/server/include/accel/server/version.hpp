// SPDX-License-Identifier: Apache-2.0
#pragma once
// The program's version, as `version`, GET /version and the records name it. CMake passes the
// project's version.

#include <string_view>

namespace accel::server {

inline constexpr std::string_view kVersion = ACCEL_VERSION;

}  // namespace accel::server
