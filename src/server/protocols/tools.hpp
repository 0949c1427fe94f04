// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tools as OpenAI and Ollama write them, and as text.generate takes them. The two differ in a
// call's arguments: a text here, an object there; both are read in either. Pure.

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::server {

// The members "tools", "tool_choice" and "parallel_tool_calls" of `body` into `params`; nothing
// where no tool is given. `text` is the body as it came, for the order of a schema's members.
// Errors: invalid_argument, unsupported (name the member).
Status read_tools(const nlohmann::json& body, std::string_view text, nlohmann::json& params);

// The member "tool_calls" of a message. Errors: invalid_argument (names the place).
Result<nlohmann::json> calls_of(const nlohmann::json& message, std::size_t index);

// The parts of an answer that text.generate sent, one a line.
std::vector<nlohmann::json> parts_of(std::string_view lines);

}  // namespace accel::server
