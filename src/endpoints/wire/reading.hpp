// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON of a server, read without trust: members may be missing or of another type. Pure.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "accel/core/result.hpp"

namespace accel::endpoints {

// Empty when absent or of another type.
std::string text_of(const nlohmann::json& object, const char* key);
std::optional<std::uint64_t> count_of(const nlohmann::json& object, const char* key);
// A member; null when absent, or when `object` is none.
const nlohmann::json& member_of(const nlohmann::json& object, const char* key);
// The items of a list; nothing of anything else.
const nlohmann::json& list_of(const nlohmann::json& object, const char* key);
std::string print(const nlohmann::json& value);

// Numbers of an embedding. Errors: protocol (no list of numbers, or beyond the limits).
Result<std::vector<float>> vector_of(const nlohmann::json& list);

// The sentence of an error in any of the shapes that servers have; empty when there is none.
std::string error_words(const nlohmann::json& body);
// Of one line, without control characters, not long: for messages.
std::string one_line(std::string_view text);

}  // namespace accel::endpoints
