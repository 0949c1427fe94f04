// SPDX-License-Identifier: Apache-2.0
#include "protocols/openai.hpp"

#include <algorithm>
#include <bit>

#include "protocols/tools.hpp"

namespace accel::server::openai {
namespace {

using nlohmann::json;

// text.generate, which is asked after they are made, refuses more answers than this.
constexpr std::int64_t kMostFirstEvents = 16;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Who asks, and for what: nothing that would change an answer.
constexpr std::string_view kLabels[] = {"user", "metadata", "safety_identifier", "prompt_cache_key",
                                        "prompt_cache_retention"};

constexpr std::int64_t kMostTokens = 16777216;  // Of an answer; as text.generate.

std::string event(const json& data) {
  return "data: " + data.dump(-1, ' ', false, json::error_handler_t::replace) + "\n\n";
}

// The newer name counts where both are given; the older must be right all the same.
void read_most_tokens(BodyReader& reader, json& params) {
  reader.integer("max_tokens", params, "max_tokens");
  json newer = json::object();
  reader.integer("max_completion_tokens", newer, "max_tokens");
  if (newer.empty()) return;
  const json older = params.value("max_tokens", json(1));
  if (older < 1 || older > kMostTokens)
    reader.refuse(Errc::invalid_argument,
                  fmt::format("\"max_tokens\" must be between 1 and {}.", kMostTokens));
  params.update(newer);
}

void read_sampling(BodyReader& reader, MethodRequest& request) {
  json& params = request.params;
  params["model"] = reader.required_text("model");
  params["record"] = false;
  params["temperature"] = 1.0;  // The protocol's default.
  reader.number("temperature", params, "temperature");
  reader.number("top_p", params, "top_p");
  reader.integer("seed", params, "seed");
  read_most_tokens(reader, params);
  const auto stop = reader.texts("stop");
  if (!stop.empty()) params["stop"] = stop;
  request.stream = reader.flag("stream", false);
  reader.integer("n", params, "n");
  reader.only("best_of", 1);
  reader.only("suffix", "");
  reader.number("presence_penalty", params, "presence_penalty");
  reader.number("frequency_penalty", params, "frequency_penalty");
  if (const json* const bias = reader.object("logit_bias"); bias != nullptr)
    params["logit_bias"] = *bias;
  reader.only("store", false);
  reader.only("service_tier", "auto");
  reader.allow(kLabels);
  (void)reader.object("stream_options");  // Read where the stream is written.
}

// What a stream of text alone can't carry.
void ask_parts(MethodRequest& request) {
  const json& params = request.params;
  const bool several = params.value("n", json(1)) != 1;
  if (request.stream && (several || params.contains("tools") || params.contains("logprobs")))
    request.params["parts"] = true;
}

// {"type": "text" | "json_object" | "json_schema", "json_schema": {"schema": …}}
void read_format(const json& format, std::string_view text, BodyReader& reader, json& params) {
  const json type = format.value("type", json());
  if (type == "text") return;
  if (type == "json_object") {
    params["json_schema"] = {{"type", "object"}};
    return;
  }
  const auto named = format.find("json_schema");
  const bool given = type == "json_schema" && named != format.end() && named->is_object() &&
                     named->contains("schema") && named->at("schema").is_object();
  if (!given) {
    return reader.refuse(Errc::invalid_argument,
                         "\"response_format\" must be of type text, json_object, or json_schema "
                         "with a \"schema\".");
  }
  auto schema = schema_text(text, "/response_format/json_schema/schema", named->at("schema"));
  if (!schema) return reader.refuse(schema.error().code, schema.error().message);
  params["json_schema"] = *std::move(schema);
}

// Null where an endpoint answered that does not tell.
json usage_of(const json& result) {
  if (!result.contains("prompt_tokens") && !result.contains("completion_tokens")) return nullptr;
  const auto count = [&](const char* name) { return result.value(name, std::uint64_t{0}); };
  return {{"prompt_tokens", count("prompt_tokens")},
          {"completion_tokens", count("completion_tokens")},
          {"total_tokens", count("prompt_tokens") + count("completion_tokens")},
          {"prompt_tokens_details", {{"cached_tokens", count("cached_tokens")}}}};
}

json chat_logprobs(const json& entries) {
  json content = json::array();
  for (const json& entry : entries) {
    json token = entry;
    token.erase("offset");
    token["top_logprobs"] = std::move(token["top"]);
    token.erase("top");
    content.push_back(std::move(token));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

json completion_logprobs(const json& entries) {
  json tokens = json::array(), likely = json::array(), tops = json::array(),
       offsets = json::array();
  for (const json& entry : entries) {
    tokens.push_back(entry.at("token"));
    likely.push_back(entry.at("logprob"));
    offsets.push_back(entry.at("offset"));
    json top = json::object();
    for (const json& one : entry.at("top"))
      top[one.at("token").get_ref<const std::string&>()] = one.at("logprob");
    tops.push_back(std::move(top));
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(likely)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

// Of a result or a part; null where nobody asked.
json logprobs_in(Kind kind, const json& result) {
  const auto found = result.find("logprobs");
  if (found == result.end()) return nullptr;
  return kind == Kind::chat ? chat_logprobs(*found) : completion_logprobs(*found);
}

json envelope(Kind kind, const ReplyFacts& facts, bool chunk) {
  const bool chat = kind == Kind::chat;
  const char* const object =
      !chat ? "text_completion" : (chunk ? "chat.completion.chunk" : "chat.completion");
  return {{"id", (chat ? "chatcmpl-" : "cmpl-") + facts.id},
          {"object", object},
          {"created", facts.seconds},
          {"model", facts.model}};
}

json chunk_of(Kind kind, const ReplyFacts& facts, json choice) {
  json chunk = envelope(kind, facts, true);
  if (!choice.contains("index")) choice["index"] = 0;
  if (!choice.contains("logprobs")) choice["logprobs"] = nullptr;
  if (!choice.contains("finish_reason")) choice["finish_reason"] = nullptr;
  chunk["choices"] = json::array({std::move(choice)});
  return chunk;
}

// A whole call, or with an index a part of one in a stream.
json call_of(const json& call) {
  json function{{"arguments", call.at("arguments")}};
  json result = json::object();
  if (call.contains("index")) result["index"] = call.at("index");
  if (call.contains("name")) {
    function["name"] = call.at("name");
    result["id"] = call.at("id");
    result["type"] = "function";
  }
  result["function"] = std::move(function);
  return result;
}

json message_of(const json& result) {
  json message{{"role", "assistant"}, {"content", result.at("text")}, {"refusal", nullptr}};
  const json calls = result.value("tool_calls", json::array());
  if (calls.empty()) return message;
  if (message["content"] == "") message["content"] = nullptr;
  for (const json& call : calls) message["tool_calls"].push_back(call_of(call));
  return message;
}

// Of several answers each, else the result itself.
json answers_in(const json& result) { return result.value("choices", json::array({result})); }

json choice_of(Kind kind, const json& answer, std::size_t index) {
  json choice{{"index", index},
              {"logprobs", logprobs_in(kind, answer)},
              {"finish_reason", answer.at("finish")}};
  if (kind == Kind::chat) {
    choice["message"] = message_of(answer);
  } else {
    choice["text"] = answer.at("text");
  }
  return choice;
}

json model_row(const json& model) {
  json row{{"id", model.at("name")}, {"object", "model"}, {"created", 0}};
  row["owned_by"] = model.value("endpoint", std::string("local"));
  for (const char* const name : {"cid", "task"}) {
    if (model.contains(name)) row[name] = model.at(name);
  }
  return row;
}

}  // namespace

Result<MethodRequest> chat_request(const json& body, std::string_view text) {
  MethodRequest request{"text.generate"};
  BodyReader reader(body);
  read_sampling(reader, request);
  reader.only("echo", false);
  reader.only("functions", json::array());
  if (const json* const format = reader.object("response_format"); format != nullptr)
    read_format(*format, text, reader, request.params);
  reader.only("modalities", json::array({"text"}));
  const bool logprobs = reader.flag("logprobs", false);
  json top = json::object();
  reader.integer("top_logprobs", top, "logprobs");
  if (!logprobs && !top.empty() && top["logprobs"] != 0)
    reader.refuse(Errc::invalid_argument, "\"top_logprobs\" needs \"logprobs\": true.");
  if (logprobs) request.params["logprobs"] = top.value("logprobs", json(0));
  reader.allow({"messages", "tools", "tool_choice", "parallel_tool_calls"});
  const bool automatic = body.value("function_call", json()) == "auto";
  reader.only("function_call", automatic ? "auto" : "none");
  ACCEL_CHECK(reader.finish());
  ACCEL_CHECK(read_tools(body, text, request.params));
  ask_parts(request);
  ACCEL_TRY(request.params["messages"], messages_of(body));
  return request;
}

Result<MethodRequest> completion_request(const json& body) {
  MethodRequest request{"text.generate"};
  BodyReader reader(body);
  read_sampling(reader, request);
  const auto prompts = reader.texts("prompt");
  if (prompts.size() != 1 || prompts.front().empty())
    reader.refuse(Errc::invalid_argument, "\"prompt\" must be one text that is not empty.");
  reader.integer("logprobs", request.params, "logprobs");
  if (reader.flag("echo", false) && request.params.contains("logprobs"))
    reader.refuse(Errc::unsupported,
                  "\"echo\" and \"logprobs\" are not supported together: a prompt's tokens get "
                  "no likelihoods here.");
  ACCEL_CHECK(reader.finish());
  request.params["prompt"] = prompts.front();
  ask_parts(request);
  return request;
}

Result<MethodRequest> embedding_request(const json& body) {
  MethodRequest request{"run"};
  BodyReader reader(body);
  request.params = {{"model", reader.required_text("model")},
                    {"task", "text-embedding"},
                    {"inputs", reader.texts("input")},
                    {"cache", reader.flag("cache", true)},
                    {"record", false}};
  const std::string encoding = reader.text("encoding_format", "float");
  if (encoding != "float" && encoding != "base64")
    reader.refuse(Errc::unsupported, "\"encoding_format\" may be \"float\" or \"base64\".");
  reader.only("dimensions", nullptr);
  if (request.params["inputs"].empty())
    reader.refuse(Errc::invalid_argument, "\"input\" must be a text or a list of texts.");
  reader.allow(kLabels);
  ACCEL_CHECK(reader.finish());
  return request;
}

std::string echo_of(const json& body) {
  if (body.value("echo", json()) != true) return {};
  const json prompt = body.value("prompt", json());
  const json& text = prompt.is_array() && !prompt.empty() ? prompt.front() : prompt;
  return text.is_string() ? text.get<std::string>() : std::string();
}

json text_reply(Kind kind, const ReplyFacts& facts, const json& result, std::string_view echo) {
  json reply = envelope(kind, facts, false);
  json choices = json::array();
  for (const json& answer : answers_in(result)) {
    json& choice = choices.emplace_back(choice_of(kind, answer, choices.size()));
    if (!echo.empty())
      choice["text"] = std::string(echo) + choice["text"].get_ref<const std::string&>();
  }
  reply["choices"] = std::move(choices);
  reply["usage"] = usage_of(result);
  return reply;
}

std::string first_events(Kind kind, const ReplyFacts& facts, const json& params,
                         std::string_view echo) {
  std::string events;
  if (kind == Kind::completion && echo.empty()) return events;
  const std::int64_t answers = std::min(params.value("n", std::int64_t{1}), kMostFirstEvents);
  for (std::int64_t index = 0; index < answers; ++index) {
    json choice{{"index", index}};
    if (kind == Kind::chat) {
      choice["delta"] = {{"role", "assistant"}, {"content", ""}};
    } else {
      choice["text"] = echo;
    }
    events += event(chunk_of(kind, facts, std::move(choice)));
  }
  return events;
}

std::string text_event(Kind kind, const ReplyFacts& facts, std::string_view text) {
  if (kind == Kind::completion) return event(chunk_of(kind, facts, {{"text", text}}));
  return event(chunk_of(kind, facts, {{"delta", {{"content", text}}}}));
}

std::string part_events(Kind kind, const ReplyFacts& facts, std::string_view lines) {
  std::string events;
  for (const json& part : parts_of(lines)) {
    json choice{{"index", part.value("choice", 0)}, {"logprobs", logprobs_in(kind, part)}};
    if (part.contains("call")) {
      choice["delta"]["tool_calls"] = json::array({call_of(part.at("call"))});
    } else if (kind == Kind::chat) {
      choice["delta"]["content"] = part.at("content");
    } else {
      choice["text"] = part.at("content");
    }
    events += event(chunk_of(kind, facts, std::move(choice)));
  }
  return events;
}

std::string last_events(Kind kind, const ReplyFacts& facts, const json& result, bool with_usage) {
  std::string events;
  std::size_t index = 0;
  for (const json& answer : answers_in(result)) {
    json choice{{"index", index++}, {"finish_reason", answer.at("finish")}};
    if (kind == Kind::chat) {
      choice["delta"] = json::object();
    } else {
      choice["text"] = "";
    }
    events += event(chunk_of(kind, facts, std::move(choice)));
  }
  if (with_usage) {
    json chunk = envelope(kind, facts, true);
    chunk["choices"] = json::array();
    chunk["usage"] = usage_of(result);
    events += event(chunk);
  }
  return events + "data: [DONE]\n\n";
}

std::string error_event(const Error& error) { return event(error_body(Protocol::openai, error)); }

std::string base64_floats(const json& values) {
  std::string text;
  std::uint32_t bits = 0;
  int have = 0;  // Bytes in `bits`, which is filled from the left.
  const auto flush = [&] {
    for (int i = 0; i < 4; ++i) text += i <= have ? kAlphabet[(bits >> (18 - 6 * i)) & 63U] : '=';
    bits = 0;
    have = 0;
  };
  for (const json& value : values) {
    const auto word = std::bit_cast<std::uint32_t>(value.get<float>());
    for (int byte = 0; byte < 4; ++byte) {
      bits |= ((word >> (8 * byte)) & 255U) << (16 - 8 * have);
      if (++have == 3) flush();
    }
  }
  if (have > 0) flush();
  return text;
}

Result<json> embedding_reply(const json& body, const json& result) {
  if (result.value("truncated", std::uint64_t{0}) > 0) return fail(too_long(result));
  const bool base64 = body.value("encoding_format", json()) == "base64";
  json data = json::array();
  for (const json& vector : result.at("embeddings")) {
    json embedding = base64 ? json(base64_floats(vector)) : vector;
    data.push_back(
        {{"object", "embedding"}, {"index", data.size()}, {"embedding", std::move(embedding)}});
  }
  json usage;  // Null where an endpoint answered that does not tell.
  if (result.contains("tokens"))
    usage = {{"prompt_tokens", result.at("tokens")}, {"total_tokens", result.at("tokens")}};
  return json{{"object", "list"},
              {"data", std::move(data)},
              {"model", body.at("model")},
              {"usage", std::move(usage)}};
}

void add_endpoint_models(const json& endpoints, const MayRun& may_run, json& list) {
  const bool only_here = endpoints.at("policy") == "local";
  for (const json& endpoint : endpoints.at("endpoints")) {
    if (only_here && endpoint.at("on_this_machine") == false) continue;
    const std::string where = endpoint.at("name").get<std::string>();
    for (const json& model : endpoint.at("models")) {
      if (model.at("name") == "*") continue;  // Whatever it has.
      const std::string name = model.at("name").get<std::string>() + "@" + where;
      if (may_run(name)) list["models"].push_back({{"name", name}, {"endpoint", where}});
    }
  }
}

json models_reply(const json& list) {
  json data = json::array();
  for (const json& model : list.at("models")) {
    if (!model.contains("reason")) data.push_back(model_row(model));
  }
  return {{"object", "list"}, {"data", std::move(data)}};
}

Result<json> model_reply(const json& list, std::string_view name) {
  for (const json& model : list.at("models")) {
    if (!model.contains("reason") &&
        (model.at("name") == name || model.value("cid", json()) == name))
      return model_row(model);
  }
  return fail(Errc::not_found, "There is no model \"{}\" here.", name);
}

}  // namespace accel::server::openai
