// SPDX-License-Identifier: Apache-2.0
#pragma once
// How long a model stays in memory after its last call, as Ollama's keep_alive says it: a number of
// seconds or a duration ("5m"); 0: it goes with the end of the call; below 0: it stays while the
// daemon lives. Used by serving methods and settings. Pure.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

#include "accel/core/clock.hpp"
#include "accel/core/config.hpp"
#include "accel/core/result.hpp"

namespace accel::node {

// Errors: invalid_argument.
Result<Duration> parse_keep_alive(std::string_view text);
// Of a parameter, a number or a text; null: nothing. Errors: invalid_argument.
Result<std::optional<Duration>> keep_alive_of(const nlohmann::json* value);
Status check_keep_alive(const ConfigValue& text);

}  // namespace accel::node
