// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON of a hub, read without trust: a tree of bounded depth, and members that may be missing.
// Private to hub.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel::hub {

inline constexpr std::size_t kMaxJsonBytes = 16U << 20U;

// Errors: corrupt ("{what} is not …").
Result<nlohmann::json> parse_hub_json(std::string_view text, std::string_view what);
// Empty when absent or of another type.
std::string text_of(const nlohmann::json& object, const char* key);
std::optional<std::uint64_t> number_of(const nlohmann::json& object, const char* key);
bool is_sha256(std::string_view text);  // 64 lower-case hex digits.

}  // namespace accel::hub
