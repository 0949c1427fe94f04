// SPDX-License-Identifier: Apache-2.0
#include "serving/remote_run.hpp"

#include <algorithm>

#include "accel/core/json.hpp"
#include "serving/tensor_json.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTensors = 256;

std::string line_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Status check_possible(const GenerateRequest& request) {
  const models::TextRequest& text = request.text;
  const char* what = nullptr;
  if (request.check_only) what = "a check without an answer";
  if (request.answers > 1) what = "several answers";
  if (text.logprobs) what = "likelihoods";
  if (!text.sampling.logit_bias.empty()) what = "a bias of tokens";
  if (request.draft.asked) what = "a draft model";
  if (what == nullptr) return {};
  return fail(Errc::unsupported, "An endpoint can't be asked for {} by this node.", what);
}

// What changes nothing at its default is not sent: other servers have other words for "nothing".
endpoints::Sampling sampling_of(const GenerateRequest& request) {
  const inference::SamplingOptions& given = request.text.sampling;
  endpoints::Sampling sampling;
  sampling.temperature = given.temperature;
  if (given.top_k > 0) sampling.top_k = given.top_k;
  if (given.top_p < 1) sampling.top_p = given.top_p;
  if (given.min_p > 0) sampling.min_p = given.min_p;
  if (given.repeat_penalty != 1) sampling.repeat_penalty = given.repeat_penalty;
  if (given.presence_penalty != 0) sampling.presence_penalty = given.presence_penalty;
  if (given.frequency_penalty != 0) sampling.frequency_penalty = given.frequency_penalty;
  if (request.seeded) sampling.seed = given.seed;
  return sampling;
}

std::string choice_of(const models::TextRequest& text) {
  if (!text.tool_name.empty()) return text.tool_name;
  if (text.tool_choice == inference::ToolChoice::none) return "none";
  return text.tool_choice == inference::ToolChoice::required ? "required" : "auto";
}

endpoints::Request request_of(const GenerateRequest& request, const RemoteRoute& route) {
  const models::TextRequest& text = request.text;
  endpoints::Request made;
  made.model = route.model;
  made.prompt = text.prompt;
  for (const inference::ChatMessage& message : text.messages) {
    endpoints::Message& added = made.messages.emplace_back();
    added = {message.role, message.content, message.tool_call_id, message.tool_name, {}};
    for (const inference::ToolCall& call : message.tool_calls)
      added.tool_calls.push_back({call.id, call.name, call.arguments});
  }
  for (const inference::ToolDefinition& tool : text.tools)
    made.tools.push_back({tool.name, tool.description, tool.parameters, tool.strict});
  made.tool_choice = choice_of(text);
  made.parallel_tool_calls = text.parallel_tool_calls;
  made.sampling = sampling_of(request);
  if (text.max_tokens) made.max_tokens = static_cast<std::int64_t>(*text.max_tokens);
  made.stop = text.stop;
  made.json_schema = text.json_schema;
  return made;
}

endpoints::Question question_of(endpoints::Request request, const RemoteRoute& route) {
  return {.request = std::move(request),
          .endpoint = route.endpoint,
          .only_listed = route.only_listed,
          .may_leave = route.may_leave,
          .deadline = route.deadline,
          .via = route.via};
}

// As text_answer.hpp writes them.
json part_of(const endpoints::Piece& piece) {
  if (!piece.call) return {{"content", piece.content}};
  json call{{"index", *piece.call}, {"arguments", piece.part.arguments}};
  if (!piece.part.name.empty()) {
    call["id"] = piece.part.id;
    call["name"] = piece.part.name;
  }
  return {{"call", std::move(call)}};
}

Result<endpoints::Reply> ask(ServingContext& call, endpoints::Question question,
                             const endpoints::PieceSink& sink) {
  ACCEL_TRY(endpoints::Multiplexer* const multiplexer,
            call.serving.endpoints.multiplexer(call.context.services));
  return multiplexer->ask(std::move(question), sink, call.context.stop);
}

Result<std::string> tensors_of(const json* inputs) {
  if (inputs == nullptr || !inputs->is_array() || inputs->size() > kMaxTensors)
    return fail(Errc::invalid_argument, "model.infer: inputs must be a list of at most {} tensors.",
                kMaxTensors);
  json list = json::array();
  for (const json& value : *inputs) {
    ACCEL_TRY(const NamedInput input, tensor_of_json(value));
    ACCEL_TRY(json written, json_of_tensor(input.name, input.value));
    list.push_back(std::move(written));
  }
  return list.dump();
}

// Checked as a client's tensors are: a server is no more trusted than one.
Result<json> outputs_of(const std::string& text, const RemoteTensors& wanted) {
  ACCEL_TRY(const json outputs, parse_bounded_json(text, "The answer"));
  json list = json::array();
  for (const json& value : outputs) {
    auto output = tensor_of_json(value);
    if (!output)
      return fail(Error{Errc::protocol, "The endpoint answered with a tensor that is none.",
                        output.error().message});
    const bool binary =
        wanted.all_binary || std::ranges::find(wanted.binary, output->name) != wanted.binary.end();
    ACCEL_TRY(json written, json_of_tensor(output->name, output->value, binary));
    list.push_back(std::move(written));
  }
  return list;
}

json model_of(const RemoteRoute& route) { return {{"name", route.model}}; }

}  // namespace

Result<json> generate_remotely(ServingContext& call, const GenerateRequest& request,
                               const RemoteRoute& route) {
  ACCEL_CHECK(check_possible(request));
  const EventSink& sink = call.context.on_event;
  const auto on_piece = [&](const endpoints::Piece& piece) {
    if (!sink || (piece.call && !request.parts)) return;
    const std::string bytes = request.parts ? line_of(part_of(piece)) : piece.content;
    sink(Event{nullptr, as_bytes(bytes)});
  };
  ACCEL_TRY(const endpoints::Reply reply,
            ask(call, question_of(request_of(request, route), route), on_piece));
  json result{{"text", reply.answer.text},
              {"finish", reply.answer.finish},
              {"model", model_of(route)},
              {"task", "text-generation"}};
  for (const endpoints::ToolCall& tool : reply.answer.calls)
    result["tool_calls"].push_back(
        {{"id", tool.id}, {"name", tool.name}, {"arguments", tool.arguments}});
  if (!reply.answer.calls.empty() && reply.answer.finish == "stop") result["finish"] = "tool_calls";
  tell_remote(reply, result);
  if (request.context > 0) result["not_sent"].push_back("context");
  return result;
}

Result<json> embed_remotely(ServingContext& call, const std::vector<std::string>& inputs,
                            const RemoteRoute& route) {
  endpoints::Request request;
  request.operation = endpoints::Operation::embedding;
  request.model = route.model;
  request.inputs = inputs;
  ACCEL_TRY(const endpoints::Reply reply, ask(call, question_of(std::move(request), route), {}));
  const auto& vectors = reply.answer.vectors;
  json result{{"embeddings", vectors},
              {"dimension", vectors.empty() ? 0 : vectors.front().size()},
              {"model", model_of(route)},
              {"task", "text-embedding"}};
  tell_remote(reply, result);
  if (reply.answer.usage.prompt_tokens) result["tokens"] = *reply.answer.usage.prompt_tokens;
  return result;
}

Result<json> infer_remotely(ServingContext& call, const RemoteTensors& tensors,
                            const RemoteRoute& route) {
  endpoints::Request request;
  request.operation = endpoints::Operation::tensors;
  request.model = route.model;
  ACCEL_TRY(request.tensors, tensors_of(tensors.inputs));
  request.outputs = tensors.outputs;
  ACCEL_TRY(const endpoints::Reply reply, ask(call, question_of(std::move(request), route), {}));
  ACCEL_TRY(json outputs, outputs_of(reply.answer.tensors, tensors));
  json result{{"outputs", std::move(outputs)}, {"model", model_of(route)}, {"task", "tensors"}};
  tell_remote(reply, result);
  return result;
}

}  // namespace accel::node
