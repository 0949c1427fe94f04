// SPDX-License-Identifier: Apache-2.0
#include "serving/text_request.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "accel/core/random.hpp"
#include "content/pulling.hpp"
#include "serving/keep_alive.hpp"
#include "serving/known_outputs.hpp"
#include "serving/priority_wish.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxAnswerTokens = 1 << 24;
constexpr std::int64_t kMaxAnswers = 16;
constexpr std::int64_t kMaxContext = 1 << 30;
constexpr std::int64_t kMaxSeed = 0xFFFF'FFFF;

tl::unexpected<Error> refused(const std::string& place, std::string_view must) {
  return fail(Errc::invalid_argument, "text.generate: {} must be {}.", place, must);
}

// A member that is a text; empty where there is none.
Result<std::string> text_in(const json& object, const char* name, const std::string& place) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  return refused(fmt::format("{}.{}", place, name), "a text");
}

// A schema keeps the order of its members as text.
Result<std::string> schema_of(const json& schema, const std::string& place) {
  if (schema.is_null()) return std::string();
  if (schema.is_string()) return schema.get<std::string>();
  if (schema.is_object()) return schema.dump(-1, ' ', false, json::error_handler_t::replace);
  return refused(place, "an object or its text");
}

Result<std::vector<inference::ToolCall>> calls_of(const json& list, const std::string& place) {
  std::vector<inference::ToolCall> calls;
  if (list.is_null()) return calls;
  if (!list.is_array()) return refused(place, "a list");
  for (const json& call : list) {
    const std::string at = fmt::format("{}[{}]", place, calls.size());
    if (!call.is_object()) return refused(at, "an object");
    inference::ToolCall& added = calls.emplace_back();
    ACCEL_TRY(added.id, text_in(call, "id", at));
    ACCEL_TRY(added.name, text_in(call, "name", at));
    ACCEL_TRY(added.arguments, text_in(call, "arguments", at));
  }
  return calls;
}

Result<std::vector<inference::ChatMessage>> messages_of(const json* list) {
  std::vector<inference::ChatMessage> messages;
  if (list == nullptr) return messages;
  if (!list->is_array()) return refused("messages", "a list");
  for (const json& message : *list) {
    const std::string at = fmt::format("messages[{}]", messages.size());
    const bool good =
        message.is_object() && message.contains("role") && message.contains("content");
    if (!good) return refused(at, "{\"role\", \"content\"}, both texts");
    inference::ChatMessage& added = messages.emplace_back();
    ACCEL_TRY(added.role, text_in(message, "role", at));
    ACCEL_TRY(added.content, text_in(message, "content", at));
    ACCEL_TRY(added.tool_call_id, text_in(message, "tool_call_id", at));
    ACCEL_TRY(added.tool_name, text_in(message, "tool_name", at));
    const json calls = message.value("tool_calls", json());
    ACCEL_TRY(added.tool_calls, calls_of(calls, at + ".tool_calls"));
  }
  return messages;
}

Result<std::vector<inference::ToolDefinition>> tools_of(const json* list) {
  std::vector<inference::ToolDefinition> tools;
  if (list == nullptr) return tools;
  if (!list->is_array()) return refused("tools", "a list");
  for (const json& tool : *list) {
    const std::string at = fmt::format("tools[{}]", tools.size());
    if (!tool.is_object()) return refused(at, "an object");
    inference::ToolDefinition& added = tools.emplace_back();
    ACCEL_TRY(added.name, text_in(tool, "name", at));
    ACCEL_TRY(added.description, text_in(tool, "description", at));
    ACCEL_TRY(added.parameters, schema_of(tool.value("parameters", json()), at + ".parameters"));
    added.strict = tool.value("strict", json()) == true;
  }
  return tools;
}

// "auto", "none", "required" or {"name"}.
Status read_choice(const json* choice, models::TextRequest& request) {
  using inference::ToolChoice;
  if (choice == nullptr || *choice == "auto") return {};
  if (*choice == "none") {
    request.tool_choice = ToolChoice::none;
  } else if (*choice == "required") {
    request.tool_choice = ToolChoice::required;
  } else if (choice->is_object() && choice->value("name", json()).is_string()) {
    request.tool_choice = ToolChoice::required;
    request.tool_name = choice->at("name").get<std::string>();
  }
  const bool read = request.tool_choice != ToolChoice::automatic;
  if (read) return {};
  return refused("tool_choice", "auto, none, required or {\"name\"}");
}

// {"15043": -100}: the number of a token, and what is added to its logit.
Status read_bias(const json* bias, inference::SamplingOptions& sampling) {
  if (bias == nullptr) return {};
  if (!bias->is_object()) return refused("logit_bias", "an object");
  for (const auto& [token, by] : bias->items()) {
    inference::TokenId id = 0;
    const char* const end = token.data() + token.size();
    const auto [rest, error] = std::from_chars(token.data(), end, id);
    const bool plain = token == "0" || !token.starts_with('0');
    if (error != std::errc() || rest != end || !plain || !by.is_number())
      return refused("logit_bias", "an object of numbers of tokens and numbers");
    sampling.logit_bias.emplace_back(id, by.get<double>());
  }
  return {};
}

void read_sampling(Params& params, inference::SamplingOptions& sampling) {
  sampling.temperature = params.number("temperature", 0);
  sampling.top_k = static_cast<int>(params.integer_in("top_k", 0, 0, 1 << 20));
  sampling.top_p = params.number("top_p", 1);
  sampling.min_p = params.number("min_p", 0);
  sampling.repeat_penalty = params.number("repeat_penalty", 1);
  sampling.repeat_last_n = static_cast<int>(params.integer_in("repeat_last_n", 64, -1, 1 << 20));
  sampling.presence_penalty = params.number("presence_penalty", 0);
  sampling.frequency_penalty = params.number("frequency_penalty", 0);
  const auto chance = static_cast<std::int64_t>(system_random().below(kMaxSeed));
  sampling.seed = static_cast<std::uint32_t>(params.integer_in("seed", chance, 0, kMaxSeed));
}

// All answers together have at most what the caller's key may ask for at once.
Status hold_to_key(const Caller& caller, GenerateRequest& request) {
  if (caller.max_tokens() == 0) return {};
  const std::size_t most = caller.max_tokens() / request.answers;
  if (most > 0 && request.text.max_tokens.value_or(most) <= most) {
    request.text.max_tokens = request.text.max_tokens.value_or(most);
    return {};
  }
  return fail(Errc::invalid_argument,
              "text.generate: the key {} may ask for {} tokens at once, in all answers; ask for "
              "fewer (max_tokens).",
              caller.who, caller.max_tokens());
}

}  // namespace

Result<GenerateRequest> read_generate_request(ServingContext& call) {
  Params& params = call.context.params;
  GenerateRequest request;
  models::TextRequest& text = request.text;
  request.model = params.required_text("model");
  text.prompt = params.text("prompt", {});
  ACCEL_TRY(text.messages, messages_of(call.value("messages")));
  ACCEL_TRY(text.tools, tools_of(call.value("tools")));
  ACCEL_CHECK(read_choice(call.value("tool_choice"), text));
  text.parallel_tool_calls = params.flag("parallel_tool_calls", true);
  if (params.given("max_tokens")) {
    text.max_tokens =
        static_cast<std::size_t>(params.integer_in("max_tokens", 1, 1, kMaxAnswerTokens));
  }
  read_sampling(params, text.sampling);
  ACCEL_CHECK(read_bias(call.value("logit_bias"), text.sampling));
  request.seeded = params.given("seed");
  request.remote = read_remote_wish(call.context);
  ACCEL_TRY(request.priority, priority_wish(call.context));
  const Config& config = call.context.services.config();
  request.draft = draft_wish(params.text("draft", {}), config.get<std::string>("text.draft_model"),
                             static_cast<std::size_t>(config.get<std::int64_t>("text.draft_max")));
  text.stop = params.texts("stop");
  text.reuse_prefix = params.flag("reuse_prefix", true);
  text.scope = scope_of(call.context.caller);
  if (params.given("logprobs"))
    text.logprobs =
        static_cast<std::size_t>(params.integer_in("logprobs", 0, 0, inference::kMaxTopLogprobs));
  if (const json* const schema = call.value("json_schema"); schema != nullptr) {
    ACCEL_TRY(text.json_schema, schema_of(*schema, "json_schema"));
  }
  ACCEL_TRY(request.keep_alive, keep_alive_wish(call));
  request.threads = static_cast<int>(params.integer_in("threads", 0, 0, 512));
  request.context = static_cast<std::size_t>(params.integer_in("context", 0, 0, kMaxContext));
  request.record = params.flag("record", true);
  request.check_only = params.flag("check_only");
  request.parts = params.flag("parts");
  request.answers = static_cast<std::size_t>(params.integer_in("n", 1, 1, kMaxAnswers));
  expect_pull_params(params);
  ACCEL_CHECK(params.finish());
  ACCEL_CHECK(hold_to_key(call.context.caller, request));
  return request;
}

}  // namespace accel::node
