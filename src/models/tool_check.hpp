// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tools and the messages about them must be before a model sees them. Pure.

#include "accel/models/text_generator.hpp"

namespace accel::models {

// Whether a request speaks of tools at all.
bool speaks_of_tools(const TextRequest& request);
// Whether its answer may be a call, or must be one.
bool may_call(const TextRequest& request);

// The request as the model's engine takes it; refers to `request`, or to `named` where one tool
// was named. Errors: invalid_argument (names the tool or the message).
Result<inference::ChatRequest> checked_chat(const TextRequest& request,
                                            std::vector<inference::ToolDefinition>& named);

}  // namespace accel::models
