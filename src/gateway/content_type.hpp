// SPDX-License-Identifier: Apache-2.0
#pragma once
// The media type of a file by its name; pure. A short table: what browsers show and what models
// consist of.

#include <string_view>

namespace accel::gateway {

// "application/octet-stream" for what is not known.
std::string_view content_type_of(std::string_view filename);

}  // namespace accel::gateway
