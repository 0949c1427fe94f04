// SPDX-License-Identifier: Apache-2.0
#pragma once
// Calls of tools for a model whose own template knows none: the tools are described in the system
// message, and a call is JSON between tags, as many models have learned it:
//
//   <tool_call>
//   {"name": "get_weather", "arguments": {"city": "Paris"}}
//   </tool_call>
//
// A grammar made of the tools' schemas holds from the tag on, so that a call always can be read.
// Pure.

#include "accel/core/result.hpp"
#include "accel/inference/chat.hpp"

namespace accel::inference::llama {

// The messages with the tools told and earlier calls and their results written as text.
std::vector<ChatMessage> with_told_tools(const ChatRequest& request);

// The JSON Schema of one call. References of a tool's schema keep pointing into it.
// Errors: invalid_argument (names the tool).
Result<std::string> call_schema(std::span<const ToolDefinition> tools);

// The grammar of an answer's calls, of rules whose "response-format" derives what call_schema()
// describes. A call that is not required begins where tagged_trigger() matches.
std::string tagged_grammar(const std::string& rules, bool parallel);
std::string tagged_trigger();

class TaggedCalls final : public AnswerFormat {
 public:
  Answer read(std::string_view text, bool partial) const override;
};

constexpr std::size_t kMaxCalls = 16;  // In one answer.

}  // namespace accel::inference::llama
