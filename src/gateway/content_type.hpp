// SPDX-License-Identifier: Apache-2.0
#pragma once
// The media type of a file by its name, else by its first bytes; pure. Short tables: what browsers
// show and what models consist of. Spec: WHATWG mimesniff for the patterns, path-gateway.md
// ("Content-Type").

#include <string_view>

namespace accel::gateway {

inline constexpr std::size_t kSniffBytes = 512;

// Empty for what is not known.
std::string_view content_type_by_name(std::string_view filename);
// "application/octet-stream" for what is not known.
std::string_view content_type_by_bytes(std::string_view head);
// By name if that says something, else by the bytes, if there are any.
std::string_view content_type_of(std::string_view filename, std::string_view head = {});

}  // namespace accel::gateway
