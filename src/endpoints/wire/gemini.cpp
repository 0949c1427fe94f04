// SPDX-License-Identifier: Apache-2.0
// Google's Gemini API, v1beta (ai.google.dev/api/generate-content and embeddings): contents in
// parts, the model in the path, streams of whole replies as server-sent events.
#include <algorithm>

#include "accel/net/url.hpp"
#include "wire/reading.hpp"
#include "wire/wire.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;

constexpr std::string_view kName = "Gemini's API";

// A result names the function, where the others name the call.
std::string function_of(const Request& request, const Message& result) {
  if (!result.tool_name.empty()) return result.tool_name;
  for (const Message& message : request.messages) {
    const auto call = std::ranges::find(message.tool_calls, result.tool_call_id, &ToolCall::id);
    if (call != message.tool_calls.end()) return call->name;
  }
  return result.tool_call_id;
}

Result<json> parts_of(const Request& request, const Message& message) {
  json parts = json::array();
  if (message.role == "tool") {
    json response{{"name", function_of(request, message)},
                  {"response", {{"result", message.content}}}};
    parts.push_back({{"functionResponse", std::move(response)}});
    return parts;
  }
  if (!message.content.empty()) parts.push_back({{"text", message.content}});
  for (const ToolCall& call : message.tool_calls) {
    ACCEL_TRY(json arguments, parse_object(call.arguments, "The arguments of a call"));
    parts.push_back({{"functionCall", {{"name", call.name}, {"args", std::move(arguments)}}}});
  }
  return parts;
}

Status put_contents(const Request& request, json& body) {
  json& contents = body["contents"] = json::array();
  json system = json::array();
  for (const Message& message : request.messages) {
    if (message.role == "system" || message.role == "developer") {
      system.push_back({{"text", message.content}});
      continue;
    }
    const char* const role = message.role == "assistant" ? "model" : "user";
    ACCEL_TRY(json parts, parts_of(request, message));
    if (parts.empty()) continue;
    if (contents.empty() || contents.back().at("role") != role)
      contents.push_back({{"role", role}, {"parts", json::array()}});
    for (json& part : parts) contents.back()["parts"].push_back(std::move(part));
  }
  if (!system.empty()) body["systemInstruction"] = {{"parts", std::move(system)}};
  return {};
}

Status put_tools(const Request& request, json& body) {
  if (request.tools.empty()) return {};
  json declarations = json::array();
  for (const ToolDefinition& tool : request.tools) {
    ACCEL_TRY(json schema, parse_object(tool.parameters, "A tool's parameters"));
    json row{{"name", tool.name}, {"description", tool.description}};
    if (!schema.empty()) row["parametersJsonSchema"] = std::move(schema);
    declarations.push_back(std::move(row));
  }
  body["tools"].push_back({{"functionDeclarations", std::move(declarations)}});
  const std::string& choice = request.tool_choice;
  if (choice == "auto") return {};
  json config{{"mode", choice == "none" ? "NONE" : "ANY"}};
  if (choice != "none" && choice != "required")
    config["allowedFunctionNames"] = json::array({choice});
  body["toolConfig"] = {{"functionCallingConfig", std::move(config)}};
  return {};
}

Result<json> generation_config(const Request& request, std::vector<std::string>& not_sent) {
  const Sampling& sampling = request.sampling;
  json config = json::object();
  const auto put = [&](const char* name, const auto& value) {
    if (value) config[name] = *value;
  };
  put("temperature", sampling.temperature);
  put("topP", sampling.top_p);
  put("topK", sampling.top_k);
  put("seed", sampling.seed);
  put("presencePenalty", sampling.presence_penalty);
  put("frequencyPenalty", sampling.frequency_penalty);
  put("maxOutputTokens", request.max_tokens);
  if (sampling.min_p) not_sent.emplace_back("min_p");
  if (sampling.repeat_penalty) not_sent.emplace_back("repeat_penalty");
  if (!request.parallel_tool_calls) not_sent.emplace_back("parallel_tool_calls");
  if (!request.stop.empty()) config["stopSequences"] = request.stop;
  if (request.json_schema.empty()) return config;
  ACCEL_TRY(config["responseJsonSchema"], parse_object(request.json_schema, "The schema"));
  config["responseMimeType"] = "application/json";
  return config;
}

// "models/NAME" or "tunedModels/NAME".
std::string resource_of(const std::string& model) {
  return model.find('/') == model.npos ? "models/" + model : model;
}

Result<WireRequest> write_text(const Request& request) {
  if (request.messages.empty()) return no_word_for(kName, "a prompt that is no conversation");
  WireRequest wire;
  wire.streams = true;
  wire.path = "/" + net::percent_encode(resource_of(request.model), /*keep_slashes=*/true) +
              ":streamGenerateContent";
  wire.query = "alt=sse";
  json body = json::object();
  ACCEL_CHECK(put_contents(request, body));
  ACCEL_CHECK(put_tools(request, body));
  ACCEL_TRY(json config, generation_config(request, wire.not_sent));
  if (!config.empty()) body["generationConfig"] = std::move(config);
  wire.body = print(body);
  return wire;
}

WireRequest write_embedding(const Request& request) {
  const std::string resource = resource_of(request.model);
  WireRequest wire;
  wire.path = "/" + net::percent_encode(resource, /*keep_slashes=*/true) + ":batchEmbedContents";
  json rows = json::array();
  for (const std::string& input : request.inputs) {
    rows.push_back(
        {{"model", resource}, {"content", {{"parts", json::array({{{"text", input}}})}}}});
  }
  wire.body = print({{"requests", std::move(rows)}});
  return wire;
}

Status read_parts(const json& candidate, AnswerState& state) {
  for (const json& part : list_of(member_of(candidate, "content"), "parts")) {
    if (member_of(part, "thought") == json(true)) continue;
    ACCEL_CHECK(state.add_text(text_of(part, "text")));
    const json& call = member_of(part, "functionCall");
    if (!call.is_object()) continue;
    const json& arguments = member_of(call, "args");
    ACCEL_CHECK(
        state.add_call(state.answer.calls.size(), {text_of(call, "id"), text_of(call, "name"),
                                                   arguments.is_null() ? "{}" : print(arguments)}));
  }
  return {};
}

// Thoughts are billed as what was written.
void read_usage(const json& usage, Usage& into) {
  if (!usage.is_object()) return;
  if (const auto prompt = count_of(usage, "promptTokenCount")) into.prompt_tokens = prompt;
  if (const auto cached = count_of(usage, "cachedContentTokenCount")) into.cached_tokens = cached;
  if (const auto written = count_of(usage, "candidatesTokenCount"))
    into.completion_tokens = *written + count_of(usage, "thoughtsTokenCount").value_or(0);
}

Status read_reply(const json& reply, AnswerState& state) {
  const std::string blocked = text_of(member_of(reply, "promptFeedback"), "blockReason");
  if (!blocked.empty())
    return fail(Errc::invalid_argument, "The server refuses the prompt: {}.", one_line(blocked));
  if (std::string model = text_of(reply, "modelVersion"); !model.empty())
    state.answer.model = std::move(model);
  read_usage(member_of(reply, "usageMetadata"), state.answer.usage);
  const json& candidates = list_of(reply, "candidates");
  if (candidates.empty()) return {};
  ACCEL_CHECK(read_parts(candidates.front(), state));
  const std::string reason = text_of(candidates.front(), "finishReason");
  if (reason.empty()) return {};
  state.set_finish(reason == "STOP" && !state.answer.calls.empty() ? "tool_calls" : reason);
  state.set_ended();
  return {};
}

}  // namespace

Result<WireRequest> write_gemini(const Request& request) {
  if (request.operation == Operation::text) return write_text(request);
  if (request.operation == Operation::embedding) return write_embedding(request);
  if (request.operation == Operation::tensors) return no_word_for(kName, "tensors");
  WireRequest wire;
  wire.method = "GET";
  wire.path = "/models";
  return wire;
}

Status read_gemini_event(std::string_view data, AnswerState& state) {
  ACCEL_TRY(const json event, parse_event(data));
  return read_reply(event, state);
}

Status read_gemini(const json& body, Operation operation, AnswerState& state) {
  if (operation == Operation::text) {
    ACCEL_CHECK(read_reply(body, state));
    return state.ended() ? Status{} : fail(Errc::protocol, "The answer has no end.");
  }
  for (const json& row :
       list_of(body, operation == Operation::embedding ? "embeddings" : "models")) {
    if (operation == Operation::listing) {
      if (state.answer.models.size() < kMaxListed)
        state.answer.models.push_back(text_of(row, "name"));
      continue;
    }
    ACCEL_TRY(auto vector, vector_of(member_of(row, "values")));
    ACCEL_CHECK(state.add_vector(std::move(vector)));
  }
  return {};
}

}  // namespace accel::endpoints
