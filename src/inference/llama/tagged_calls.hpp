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
// Where an answer that is no call must be JSON, the grammar of both holds from the beginning. Pure.

#include "accel/core/result.hpp"
#include "accel/inference/chat.hpp"

namespace accel::inference::llama {

// The messages with the tools told and earlier calls and their results written as text.
std::vector<ChatMessage> with_told_tools(const ChatRequest& request);

// The JSON Schema of one call. References of a tool's schema keep pointing into it.
// Errors: invalid_argument (names the tool).
Result<std::string> call_schema(std::span<const ToolDefinition> tools);

// The JSON Schema of either: one call, or an answer that fits `answer`, itself a schema. References
// of each keep pointing into it. Errors: as call_schema(); invalid_argument (no schema's object).
Result<std::string> call_or_answer_schema(std::span<const ToolDefinition> tools,
                                          std::string_view answer);

// The grammar of an answer's calls, of rules whose "response-format" derives what call_schema()
// describes. A call that is not required begins where tagged_trigger() matches.
std::string tagged_grammar(const std::string& rules, bool parallel);
std::string tagged_trigger();
// The same of calls or an answer in JSON, of rules for what call_or_answer_schema() describes.
// Errors: unsupported (llama.cpp did not name the rules of the two).
Result<std::string> tagged_or_json_grammar(const std::string& rules, bool parallel);

class TaggedCalls final : public AnswerFormat {
 public:
  Answer read(std::string_view text, bool partial) const override;
};

// Of tagged_or_json_grammar(): tags within the strings of an answer in JSON are no calls.
class TaggedCallsOrJson final : public AnswerFormat {
 public:
  Answer read(std::string_view text, bool partial) const override;

 private:
  TaggedCalls calls_;
};

constexpr std::size_t kMaxCalls = 16;  // In one answer.

}  // namespace accel::inference::llama
