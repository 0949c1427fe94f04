// SPDX-License-Identifier: Apache-2.0
#pragma once
// How many ways a schema's grammar leaves to go on with a token. llama.cpp tries each of them, and
// alternatives multiply along references: ten lines of anyOf can ask for more than would ever end.
// Used by schema_check, for schemas whose keywords and references it has checked. Pure.

#include <nlohmann/json_fwd.hpp>

#include "accel/core/result.hpp"

namespace accel::inference::llama {

constexpr std::size_t kSchemaSteps = 12;  // Characters of JSON's own that one token may have.
constexpr double kMaxSchemaWays = 4096;   // Of so many characters.

// Errors: invalid_argument (more ways; a schema that is nothing but itself), with the place.
Status check_ways(const nlohmann::json& root);

}  // namespace accel::inference::llama
