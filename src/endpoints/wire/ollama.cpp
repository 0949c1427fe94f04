// SPDX-License-Identifier: Apache-2.0
// Ollama's API: api/chat, api/generate, api/embed, api/tags (ollama's docs/api.md), JSON lines.
#include "wire/reading.hpp"
#include "wire/wire.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;

constexpr std::string_view kName = "An Ollama endpoint";

Result<json> messages_json(const std::vector<Message>& messages) {
  json list = json::array();
  for (const Message& message : messages) {
    json row{{"role", message.role == "developer" ? "system" : message.role},
             {"content", message.content}};
    for (const ToolCall& call : message.tool_calls) {
      ACCEL_TRY(json arguments, parse_object(call.arguments, "The arguments of a call"));
      row["tool_calls"].push_back(
          {{"function", {{"name", call.name}, {"arguments", std::move(arguments)}}}});
    }
    if (!message.tool_name.empty()) row["tool_name"] = message.tool_name;
    list.push_back(std::move(row));
  }
  return list;
}

Status put_tools(const Request& request, json& body) {
  if (request.tools.empty() || request.tool_choice == "none") return {};
  if (request.tool_choice != "auto") return no_word_for(kName, "a certain call of a tool");
  for (const ToolDefinition& tool : request.tools) {
    ACCEL_TRY(json parameters, parse_object(tool.parameters, "A tool's parameters"));
    body["tools"].push_back({{"type", "function"},
                             {"function",
                              {{"name", tool.name},
                               {"description", tool.description},
                               {"parameters", std::move(parameters)}}}});
  }
  return {};
}

json options_of(const Request& request) {
  const Sampling& sampling = request.sampling;
  json options = json::object();
  const auto put = [&](const char* name, const auto& value) {
    if (value) options[name] = *value;
  };
  put("temperature", sampling.temperature);
  put("top_p", sampling.top_p);
  put("top_k", sampling.top_k);
  put("min_p", sampling.min_p);
  put("repeat_penalty", sampling.repeat_penalty);
  put("presence_penalty", sampling.presence_penalty);
  put("frequency_penalty", sampling.frequency_penalty);
  put("seed", sampling.seed);
  put("num_predict", request.max_tokens);
  if (!request.stop.empty()) options["stop"] = request.stop;
  return options;
}

Result<WireRequest> write_text(const Request& request) {
  WireRequest wire;
  wire.streams = true;
  json body{{"model", request.model}, {"stream", true}, {"options", options_of(request)}};
  if (request.messages.empty()) {
    wire.path = "/api/generate";
    body["prompt"] = request.prompt;
    body["raw"] = true;
  } else {
    wire.path = "/api/chat";
    ACCEL_TRY(body["messages"], messages_json(request.messages));
    ACCEL_CHECK(put_tools(request, body));
  }
  if (!request.json_schema.empty()) {
    ACCEL_TRY(body["format"], parse_object(request.json_schema, "The schema"));
  }
  wire.body = print(body);
  return wire;
}

Status read_line(const json& line, AnswerState& state) {
  const json& message = member_of(line, "message");
  ACCEL_CHECK(state.add_text(text_of(line, "response")));
  ACCEL_CHECK(state.add_text(text_of(message, "content")));
  for (const json& call : list_of(message, "tool_calls")) {
    const json& function = member_of(call, "function");
    const json& arguments = member_of(function, "arguments");
    ToolCall part{text_of(call, "id"), text_of(function, "name"),
                  arguments.is_null() ? "{}" : print(arguments)};
    ACCEL_CHECK(state.add_call(state.answer.calls.size(), std::move(part)));
  }
  if (member_of(line, "done") != json(true)) return {};
  state.answer.model = text_of(line, "model");
  state.answer.usage.prompt_tokens = count_of(line, "prompt_eval_count");
  state.answer.usage.completion_tokens = count_of(line, "eval_count");
  const std::string reason = text_of(line, "done_reason");
  state.set_finish(reason != "length" && !state.answer.calls.empty() ? "tool_calls" : reason);
  state.set_ended();
  return {};
}

}  // namespace

Result<WireRequest> write_ollama(const Request& request) {
  WireRequest wire;
  switch (request.operation) {
    case Operation::text:
      return write_text(request);
    case Operation::embedding:
      wire.path = "/api/embed";
      wire.body = print({{"model", request.model}, {"input", request.inputs}});
      return wire;
    case Operation::listing:
      wire.method = "GET";
      wire.path = "/api/tags";
      return wire;
    case Operation::tensors:
      break;
  }
  return no_word_for(kName, "tensors");
}

Status read_ollama_event(std::string_view data, AnswerState& state) {
  ACCEL_TRY(const json event, parse_event(data));
  return read_line(event, state);
}

Status read_ollama(const json& body, Operation operation, AnswerState& state) {
  if (operation == Operation::text) {
    if (member_of(body, "done") != json(true))
      return fail(Errc::protocol, "The answer does not say that it is done.");
    return read_line(body, state);
  }
  if (operation == Operation::listing) {
    for (const json& row : list_of(body, "models")) {
      if (state.answer.models.size() < kMaxListed)
        state.answer.models.push_back(text_of(row, "name"));
    }
    return {};
  }
  for (const json& row : list_of(body, "embeddings")) {
    ACCEL_TRY(auto vector, vector_of(row));
    ACCEL_CHECK(state.add_vector(std::move(vector)));
  }
  state.answer.model = text_of(body, "model");
  state.answer.usage.prompt_tokens = count_of(body, "prompt_eval_count");
  return {};
}

}  // namespace accel::endpoints
