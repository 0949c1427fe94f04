// SPDX-License-Identifier: Apache-2.0
// OpenAI's API as it and the many servers that copy it speak it: chat/completions, completions,
// embeddings, models (platform.openai.com/docs/api-reference). What others added (top_k, min_p) is
// not sent: the original refuses members that it does not know.
#include <algorithm>

#include "wire/reading.hpp"
#include "wire/wire.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;

constexpr std::string_view kName = "An OpenAI-compatible endpoint";

json calls_json(const std::vector<ToolCall>& calls) {
  json list = json::array();
  for (const ToolCall& call : calls) {
    list.push_back({{"id", call.id},
                    {"type", "function"},
                    {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  return list;
}

json messages_json(const std::vector<Message>& messages) {
  json list = json::array();
  for (const Message& message : messages) {
    json row{{"role", message.role}, {"content", message.content}};
    if (!message.tool_calls.empty()) {
      row["tool_calls"] = calls_json(message.tool_calls);
      if (message.content.empty()) row["content"] = nullptr;
    }
    if (message.role == "tool" && !message.tool_call_id.empty())
      row["tool_call_id"] = message.tool_call_id;
    list.push_back(std::move(row));
  }
  return list;
}

Status put_tools(const Request& request, json& body) {
  if (request.tools.empty()) return {};
  for (const ToolDefinition& tool : request.tools) {
    ACCEL_TRY(json parameters, parse_object(tool.parameters, "A tool's parameters"));
    json function{{"name", tool.name}};
    if (!tool.description.empty()) function["description"] = tool.description;
    if (!parameters.empty()) function["parameters"] = std::move(parameters);
    if (tool.strict) function["strict"] = true;
    body["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  const std::string& choice = request.tool_choice;
  const bool word = choice == "none" || choice == "required";
  if (word) body["tool_choice"] = choice;
  if (!word && choice != "auto")
    body["tool_choice"] = {{"type", "function"}, {"function", {{"name", choice}}}};
  if (!request.parallel_tool_calls) body["parallel_tool_calls"] = false;
  return {};
}

void put_sampling(const Request& request, json& body, std::vector<std::string>& not_sent) {
  const Sampling& sampling = request.sampling;
  if (sampling.temperature) body["temperature"] = *sampling.temperature;
  if (sampling.top_p) body["top_p"] = *sampling.top_p;
  if (sampling.seed) body["seed"] = *sampling.seed;
  if (sampling.presence_penalty) body["presence_penalty"] = *sampling.presence_penalty;
  if (sampling.frequency_penalty) body["frequency_penalty"] = *sampling.frequency_penalty;
  if (sampling.top_k) not_sent.emplace_back("top_k");
  if (sampling.min_p) not_sent.emplace_back("min_p");
  if (sampling.repeat_penalty) not_sent.emplace_back("repeat_penalty");
  const char* const limit = request.max_completion_tokens ? "max_completion_tokens" : "max_tokens";
  if (request.max_tokens) body[limit] = *request.max_tokens;
  if (!request.stop.empty()) body["stop"] = request.stop;
}

Result<WireRequest> write_text(const Request& request) {
  WireRequest wire;
  json body{{"model", request.model}, {"stream", true}};
  body["stream_options"] = {{"include_usage", true}};
  put_sampling(request, body, wire.not_sent);
  wire.streams = true;
  wire.path = request.messages.empty() ? "/completions" : "/chat/completions";
  if (request.messages.empty()) {
    if (!request.tools.empty() || !request.json_schema.empty())
      return no_word_for(kName, "tools or JSON without messages");
    body["prompt"] = request.prompt;
  } else {
    body["messages"] = messages_json(request.messages);
    ACCEL_CHECK(put_tools(request, body));
  }
  if (!request.json_schema.empty()) {
    ACCEL_TRY(json schema, parse_object(request.json_schema, "The schema"));
    body["response_format"] = {
        {"type", "json_schema"},
        {"json_schema", {{"name", "answer"}, {"strict", true}, {"schema", std::move(schema)}}}};
  }
  wire.body = print(body);
  return wire;
}

void read_usage(const json& body, Usage& usage) {
  const json& found = member_of(body, "usage");
  if (!found.is_object()) return;
  usage.prompt_tokens = count_of(found, "prompt_tokens");
  usage.completion_tokens = count_of(found, "completion_tokens");
  usage.cached_tokens = count_of(member_of(found, "prompt_tokens_details"), "cached_tokens");
}

// `message` is a delta or the whole of one.
Status read_message(const json& message, AnswerState& state) {
  ACCEL_CHECK(state.add_text(text_of(message, "content")));
  std::size_t position = 0;
  for (const json& call : list_of(message, "tool_calls")) {
    const json& function = member_of(call, "function");
    ToolCall part{text_of(call, "id"), text_of(function, "name"), text_of(function, "arguments")};
    const std::size_t index = count_of(call, "index").value_or(position++);
    ACCEL_CHECK(state.add_call(index, std::move(part)));
  }
  return {};
}

Status read_choice(const json& body, const char* member, AnswerState& state) {
  if (std::string model = text_of(body, "model"); !model.empty())
    state.answer.model = std::move(model);
  read_usage(body, state.answer.usage);
  const json& choices = list_of(body, "choices");
  if (choices.empty()) return {};
  const json& choice = choices.front();  // One answer was asked for.
  ACCEL_CHECK(state.add_text(text_of(choice, "text")));
  ACCEL_CHECK(read_message(member_of(choice, member), state));
  state.set_finish(text_of(choice, "finish_reason"));
  return {};
}

// Rows may come in any order; each says whose it is.
Status read_embeddings(const json& body, AnswerState& state) {
  const json& data = list_of(body, "data");
  std::vector<const json*> rows(data.size(), nullptr);
  for (std::size_t at = 0; at < data.size(); ++at) {
    const std::size_t index = count_of(data[at], "index").value_or(at);
    if (index >= rows.size() || rows[index] != nullptr)
      return fail(Errc::protocol, "The answer numbers its embeddings wrongly.");
    rows[index] = &data[at];
  }
  for (const json* const row : rows) {
    ACCEL_TRY(auto vector, vector_of(member_of(*row, "embedding")));
    ACCEL_CHECK(state.add_vector(std::move(vector)));
  }
  read_usage(body, state.answer.usage);
  state.answer.model = text_of(body, "model");
  return {};
}

}  // namespace

Result<WireRequest> write_openai(const Request& request) {
  WireRequest wire;
  switch (request.operation) {
    case Operation::text:
      return write_text(request);
    case Operation::embedding:
      wire.path = "/embeddings";
      wire.body = print({{"model", request.model}, {"input", request.inputs}});
      return wire;
    case Operation::listing:
      wire.method = "GET";
      wire.path = "/models";
      return wire;
    case Operation::tensors:
      break;
  }
  return no_word_for(kName, "tensors");
}

Status read_openai_event(std::string_view data, AnswerState& state) {
  if (data == "[DONE]") {
    state.set_ended();
    return {};
  }
  ACCEL_TRY(const json event, parse_event(data));
  ACCEL_CHECK(read_choice(event, "delta", state));
  // Some servers close without [DONE]: the reason of an end is an end.
  if (state.has_finish()) state.set_ended();
  return {};
}

Status read_openai(const json& body, Operation operation, AnswerState& state) {
  if (operation == Operation::embedding) return read_embeddings(body, state);
  if (operation == Operation::listing) {
    for (const json& row : list_of(body, "data")) {
      if (state.answer.models.size() < kMaxListed)
        state.answer.models.push_back(text_of(row, "id"));
    }
    return {};
  }
  if (list_of(body, "choices").empty()) return fail(Errc::protocol, "The answer has no choices.");
  return read_choice(body, "message", state);
}

}  // namespace accel::endpoints
