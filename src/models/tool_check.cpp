// SPDX-License-Identifier: Apache-2.0
#include "tool_check.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "accel/core/json.hpp"

namespace accel::models {
namespace {

using inference::ChatMessage;
using inference::ToolCall;
using inference::ToolChoice;
using inference::ToolDefinition;

// As OpenAI has it: what every template, grammar and client can write.
bool is_tool_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kMaxToolName && std::ranges::all_of(name, good);
}

Status check_tools(const std::vector<ToolDefinition>& tools) {
  if (tools.size() > kMaxTools)
    return fail(Errc::invalid_argument, "tools: there may be {}, not {}.", kMaxTools, tools.size());
  std::set<std::string_view> names;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const ToolDefinition& tool = tools[i];
    if (!is_tool_name(tool.name)) {
      return fail(Errc::invalid_argument,
                  "tools[{}]: the name must be 1 to {} letters, digits, _ and -.", i, kMaxToolName);
    }
    if (!names.insert(tool.name).second)
      return fail(Errc::invalid_argument, "tools[{}]: there is another \"{}\".", i, tool.name);
    bytes += tool.description.size() + tool.parameters.size();
    if (bytes > kMaxToolBytes) {
      return fail(Errc::invalid_argument,
                  "tools[{}]: descriptions and parameters may have {} bytes in all.", i,
                  kMaxToolBytes);
    }
  }
  return {};
}

Status check_calls(const ChatMessage& message, std::size_t index) {
  if (!message.tool_calls.empty() && message.role != "assistant") {
    return fail(Errc::invalid_argument, "messages[{}]: only an assistant has tool_calls.", index);
  }
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    const ToolCall& call = message.tool_calls[i];
    if (!is_tool_name(call.name)) {
      return fail(Errc::invalid_argument,
                  "messages[{}].tool_calls[{}]: the function's name must be 1 to {} letters, "
                  "digits, _ and -.",
                  index, i, kMaxToolName);
    }
    const auto arguments = parse_bounded_json(call.arguments, "It");
    if (!arguments || !arguments->is_object()) {
      return fail(Errc::invalid_argument,
                  "messages[{}].tool_calls[{}]: the arguments must be a JSON object.", index, i);
    }
  }
  return {};
}

// Each result belongs to a call that was made before it; by its id, where clients say ids.
Status check_messages(const std::vector<ChatMessage>& messages) {
  std::set<std::string_view> calls;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    ACCEL_CHECK(check_calls(message, i));
    for (const ToolCall& call : message.tool_calls) calls.insert(call.id);
    if (message.role != "tool") continue;
    if (calls.empty()) {
      return fail(Errc::invalid_argument,
                  "messages[{}]: the role tool answers a call, but there is none before it.", i);
    }
    if (!message.tool_call_id.empty() && !calls.contains(message.tool_call_id)) {
      return fail(Errc::invalid_argument,
                  "messages[{}]: no call before it has the id in tool_call_id.", i);
    }
  }
  return {};
}

}  // namespace

bool speaks_of_tools(const TextRequest& request) {
  const auto speaks = [](const ChatMessage& message) {
    return message.role == "tool" || !message.tool_calls.empty();
  };
  return !request.tools.empty() || std::ranges::any_of(request.messages, speaks);
}

bool may_call(const TextRequest& request) {
  const bool named = !request.tool_name.empty();
  return !request.tools.empty() && (named || request.tool_choice != ToolChoice::none);
}

Result<inference::ChatRequest> checked_chat(const TextRequest& request,
                                            std::vector<ToolDefinition>& named) {
  ACCEL_CHECK(check_tools(request.tools));
  ACCEL_CHECK(check_messages(request.messages));
  inference::ChatRequest chat{request.messages, request.tools, request.tool_choice,
                              request.parallel_tool_calls};
  if (!request.tool_name.empty()) {
    const auto found = std::ranges::find(request.tools, request.tool_name, &ToolDefinition::name);
    if (found == request.tools.end())
      return fail(Errc::invalid_argument, "tool_choice: there is no tool of that name.");
    named = {*found};
    chat.tools = named;
    chat.choice = ToolChoice::required;
  }
  if (chat.choice == ToolChoice::required && chat.tools.empty())
    return fail(Errc::invalid_argument, "tool_choice: a call is required, but there are no tools.");
  if (chat.choice == ToolChoice::automatic) chat.json_schema = request.json_schema;
  return chat;
}

}  // namespace accel::models
