// SPDX-License-Identifier: Apache-2.0
// Anthropic's Messages API, version 2023-06-01 (docs.anthropic.com/en/api/messages and
// messages-streaming): content in blocks, the system's words apart, results of tools as words of
// the user.
#include "wire/reading.hpp"
#include "wire/wire.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;

constexpr std::string_view kName = "Anthropic's API";
// The protocol wants a limit; so many tokens are answered by every model that it names.
constexpr std::int64_t kDefaultMaxTokens = 4096;

json text_block(const std::string& text) { return {{"type", "text"}, {"text", text}}; }

Result<json> blocks_of(const Message& message) {
  json blocks = json::array();
  if (message.role == "tool") {
    blocks.push_back({{"type", "tool_result"},
                      {"tool_use_id", message.tool_call_id},
                      {"content", message.content}});
    return blocks;
  }
  if (!message.content.empty()) blocks.push_back(text_block(message.content));
  for (const ToolCall& call : message.tool_calls) {
    ACCEL_TRY(json input, parse_object(call.arguments, "The arguments of a call"));
    blocks.push_back(
        {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", std::move(input)}});
  }
  return blocks;
}

// Turns of one side that follow each other are one turn: results of several calls must be.
Status put_messages(const Request& request, json& body) {
  json& list = body["messages"] = json::array();
  std::string system;
  for (const Message& message : request.messages) {
    if (message.role == "system" || message.role == "developer") {
      system += (system.empty() ? "" : "\n\n") + message.content;
      continue;
    }
    const char* const role = message.role == "assistant" ? "assistant" : "user";
    ACCEL_TRY(json blocks, blocks_of(message));
    if (blocks.empty()) continue;
    if (list.empty() || list.back().at("role") != role)
      list.push_back({{"role", role}, {"content", json::array()}});
    for (json& block : blocks) list.back()["content"].push_back(std::move(block));
  }
  if (!system.empty()) body["system"] = system;
  return {};
}

Status put_tools(const Request& request, json& body) {
  if (request.tools.empty()) return {};
  for (const ToolDefinition& tool : request.tools) {
    ACCEL_TRY(json schema, parse_object(tool.parameters, "A tool's parameters"));
    if (!schema.contains("type")) schema["type"] = "object";
    json row{{"name", tool.name}, {"input_schema", std::move(schema)}};
    if (!tool.description.empty()) row["description"] = tool.description;
    body["tools"].push_back(std::move(row));
  }
  const std::string& choice = request.tool_choice;
  json chosen{{"type", choice == "required" ? "any" : choice}};
  if (choice != "auto" && choice != "none" && choice != "required")
    chosen = {{"type", "tool"}, {"name", choice}};
  if (!request.parallel_tool_calls && choice != "none") chosen["disable_parallel_tool_use"] = true;
  body["tool_choice"] = std::move(chosen);
  return {};
}

void put_sampling(const Request& request, json& body, std::vector<std::string>& not_sent) {
  const Sampling& sampling = request.sampling;
  if (sampling.temperature) body["temperature"] = std::min(*sampling.temperature, 1.0);
  if (sampling.top_p && !sampling.temperature) body["top_p"] = *sampling.top_p;
  if (sampling.top_k) body["top_k"] = *sampling.top_k;
  const auto leave = [&](const char* name, bool given) {
    if (given) not_sent.emplace_back(name);
  };
  leave("temperature above 1", sampling.temperature.value_or(0) > 1);
  leave("top_p", sampling.top_p && sampling.temperature);  // Newer models take one of the two.
  leave("seed", sampling.seed.has_value());
  leave("min_p", sampling.min_p.has_value());
  leave("repeat_penalty", sampling.repeat_penalty.has_value());
  leave("presence_penalty", sampling.presence_penalty.has_value());
  leave("frequency_penalty", sampling.frequency_penalty.has_value());
  if (!request.stop.empty()) body["stop_sequences"] = request.stop;
}

Result<WireRequest> write_text(const Request& request) {
  if (request.messages.empty()) return no_word_for(kName, "a prompt that is no conversation");
  if (!request.json_schema.empty()) return no_word_for(kName, "JSON by a schema");
  WireRequest wire;
  wire.streams = true;
  wire.path = "/messages";
  json body{{"model", request.model},
            {"stream", true},
            {"max_tokens", request.max_tokens.value_or(kDefaultMaxTokens)}};
  ACCEL_CHECK(put_messages(request, body));
  ACCEL_CHECK(put_tools(request, body));
  put_sampling(request, body, wire.not_sent);
  wire.body = print(body);
  return wire;
}

// The prompt counts with what was read from, and written into, a cache.
void read_usage(const json& usage, Usage& into) {
  if (const auto input = count_of(usage, "input_tokens")) {
    const auto read = count_of(usage, "cache_read_input_tokens").value_or(0);
    const auto made = count_of(usage, "cache_creation_input_tokens").value_or(0);
    into.prompt_tokens = *input + read + made;
    into.cached_tokens = read;
  }
  if (const auto output = count_of(usage, "output_tokens")) into.completion_tokens = output;
}

Status begin_block(const json& event, AnswerState& state) {
  const json& block = member_of(event, "content_block");
  const std::string type = text_of(block, "type");
  if (type == "text") return state.add_text(text_of(block, "text"));
  if (type != "tool_use") return {};  // Thinking, and what is to come: not a part of the answer.
  return state.add_call(count_of(event, "index").value_or(0),
                        {text_of(block, "id"), text_of(block, "name"), {}});
}

Status go_on(const json& event, AnswerState& state) {
  const json& delta = member_of(event, "delta");
  const std::string type = text_of(delta, "type");
  if (type == "text_delta") return state.add_text(text_of(delta, "text"));
  if (type != "input_json_delta") return {};
  return state.add_call(count_of(event, "index").value_or(0),
                        {{}, {}, text_of(delta, "partial_json")});
}

// A call without arguments streams none.
void complete_calls(AnswerState& state) {
  for (ToolCall& call : state.answer.calls) {
    if (call.arguments.empty()) call.arguments = "{}";
  }
}

Status read_whole_text(const json& body, AnswerState& state) {
  if (text_of(body, "type") != "message") return fail(Errc::protocol, "The answer is no message.");
  std::size_t index = 0;
  for (const json& block : list_of(body, "content")) {
    const std::string type = text_of(block, "type");
    if (type == "text") ACCEL_CHECK(state.add_text(text_of(block, "text")));
    if (type != "tool_use") continue;
    ACCEL_CHECK(state.add_call(
        index++, {text_of(block, "id"), text_of(block, "name"), print(member_of(block, "input"))}));
  }
  state.answer.model = text_of(body, "model");
  read_usage(member_of(body, "usage"), state.answer.usage);
  state.set_finish(text_of(body, "stop_reason"));
  return {};
}

}  // namespace

Result<WireRequest> write_anthropic(const Request& request) {
  constexpr std::string_view kVersion = "2023-06-01";
  WireRequest wire;
  if (request.operation == Operation::text) {
    ACCEL_TRY(wire, write_text(request));
  } else if (request.operation == Operation::listing) {
    wire.method = "GET";
    wire.path = "/models";
  } else {
    return no_word_for(kName, request.operation == Operation::tensors ? "tensors" : "embeddings");
  }
  wire.headers.set("anthropic-version", std::string(kVersion));
  return wire;
}

// Types of events that are not known are passed over, as the description asks.
Status read_anthropic_event(std::string_view data, AnswerState& state) {
  ACCEL_TRY(const json event, parse_event(data));
  const std::string type = text_of(event, "type");
  if (type == "message_start") {
    const json& message = member_of(event, "message");
    state.answer.model = text_of(message, "model");
    read_usage(member_of(message, "usage"), state.answer.usage);
  } else if (type == "content_block_start") {
    return begin_block(event, state);
  } else if (type == "content_block_delta") {
    return go_on(event, state);
  } else if (type == "message_delta") {
    state.set_finish(text_of(member_of(event, "delta"), "stop_reason"));
    read_usage(member_of(event, "usage"), state.answer.usage);
  } else if (type == "message_stop") {
    complete_calls(state);
    state.set_ended();
  }
  return {};
}

Status read_anthropic(const json& body, Operation operation, AnswerState& state) {
  if (operation == Operation::text) return read_whole_text(body, state);
  for (const json& row : list_of(body, "data")) {
    if (state.answer.models.size() < kMaxListed) state.answer.models.push_back(text_of(row, "id"));
  }
  return {};
}

}  // namespace accel::endpoints
