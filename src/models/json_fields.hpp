// SPDX-License-Identifier: Apache-2.0
#pragma once
// Typed reads of one member of a JSON object. A member that is missing or null gives the fallback;
// one of another type is an error that names the file and the key. Private to models.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel::models {

// Errors of all: corrupt, "{what}: {key} must be …". `object` may be any value; only an object has
// members.
Result<std::string> text_field(const nlohmann::json& object, std::string_view key,
                               std::string_view fallback, std::string_view what);
Result<bool> bool_field(const nlohmann::json& object, std::string_view key, bool fallback,
                        std::string_view what);
// Not set when missing. A number that is negative or no integer is an error.
Result<std::optional<std::uint64_t>> count_field(const nlohmann::json& object, std::string_view key,
                                                 std::string_view what);
// nullptr when missing or null.
const nlohmann::json* find_field(const nlohmann::json& object, std::string_view key);

}  // namespace accel::models
