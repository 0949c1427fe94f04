// SPDX-License-Identifier: Apache-2.0
#include "llama/tagged_calls.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/core/json.hpp"
#include "llama/schema_check.hpp"

namespace accel::inference::llama {
namespace {

using nlohmann::json;
using Ordered = nlohmann::ordered_json;  // Arguments come in the order in which they were named.

constexpr std::string_view kBegin = "<tool_call>";
constexpr std::string_view kEnd = "</tool_call>";
constexpr std::string_view kSpace = " \t\r\n";
constexpr const char* kNoArguments =
    R"({"type":"object","properties":{},"additionalProperties":false})";

template <class Json>
std::string text_of(const Json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Ordered> parameters_of(const ToolDefinition& tool) {
  const std::string& text = tool.parameters.empty() ? kNoArguments : tool.parameters;
  ACCEL_TRY(const json checked, parse_bounded_json(text, "The JSON Schema"));
  ACCEL_CHECK(check_ordered_json(text, "The JSON Schema"));
  Ordered schema = Ordered::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool object = checked.is_object() && checked.value("type", json("object")) == "object";
  if (!object) {
    return fail(Errc::invalid_argument,
                "The parameters of a tool must be a JSON Schema of type object.");
  }
  if (!schema.contains("$ref")) schema["type"] = "object";
  return schema;
}

// "#/…" points from the root of the tool's own schema, which now stands at `place`.
void move_references(Ordered& node, const std::string& place) {
  if (!node.is_structured()) return;
  for (auto& [name, child] : node.items()) {
    const bool reference = name == "$ref" && node.is_object() && child.is_string();
    if (reference && child.template get_ref<const std::string&>().starts_with("#/"))
      child = place + child.template get<std::string>().substr(1);
    move_references(child, place);
  }
}

std::string description_of(const ToolDefinition& tool) {
  Ordered told{{"name", tool.name}};
  if (!tool.description.empty()) told["description"] = tool.description;
  const std::string& text = tool.parameters.empty() ? kNoArguments : tool.parameters;
  told["parameters"] = Ordered::parse(text, nullptr, /*allow_exceptions=*/false);
  return text_of(told);
}

std::string instructions_for(const ChatRequest& request) {
  std::string text = "You can call these functions:\n<tools>\n";
  for (const ToolDefinition& tool : request.tools) text += description_of(tool) + "\n";
  text +=
      "</tools>\nTo call a function, write its name and its arguments as JSON between tags:\n"
      "<tool_call>\n{\"name\": \"function\", \"arguments\": {\"argument\": \"value\"}}\n"
      "</tool_call>\n";
  if (request.choice == ToolChoice::required) return text + "Answer with a call.";
  const char* const otherwise = request.json_schema.empty() ? "words" : "JSON alone";
  return text + fmt::format("Call a function only when it helps to answer; otherwise answer in {}.",
                            otherwise);
}

std::string written(const ToolCall& call) {
  const std::string arguments = call.arguments.empty() ? "{}" : call.arguments;
  return fmt::format("{}\n{{\"name\": {}, \"arguments\": {}}}\n{}", kBegin,
                     text_of(json(call.name)), arguments, kEnd);
}

void add_told(std::vector<ChatMessage>& told, const ChatMessage& message) {
  if (message.role == "tool") {
    const std::string result = "<tool_response>\n" + message.content + "\n</tool_response>";
    // Results of calls that were made together are one message.
    const bool joins = !told.empty() && told.back().role == "user" &&
                       told.back().content.ends_with("</tool_response>");
    if (joins) {
      told.back().content += "\n" + result;
    } else {
      told.push_back({"user", result});
    }
    return;
  }
  ChatMessage plain{message.role, message.content};
  for (const ToolCall& call : message.tool_calls)
    plain.content += (plain.content.empty() ? "" : "\n") + written(call);
  told.push_back(std::move(plain));
}

std::string_view without_space(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text;
}

std::string_view without_end_space(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// Eats `word` after white space; false when something else stands there or the text ends.
bool eat(std::string_view& text, std::string_view word) {
  const std::string_view rest = without_space(text);
  if (!rest.starts_with(word)) return false;
  text = rest.substr(word.size());
  return true;
}

// How far the JSON value at the beginning reaches; npos when its end is missing.
std::size_t end_of_object(std::string_view text) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && (depth == 0 || --depth == 0)) return at + 1;
  }
  return std::string_view::npos;
}

std::size_t end_of_text(std::string_view text) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

enum class Read { whole, open, wrong };

// One call behind its tag. `open`: the text ends within it, or could go on to be one.
Read read_call(std::string_view& text, ToolCall& call) {
  const auto lacks = [&] {
    const std::string_view rest = without_space(text);
    return rest.empty() ? Read::open : Read::wrong;
  };
  const auto key_open = [](std::string_view rest, std::string_view key) {
    return key.starts_with(without_space(rest));
  };
  if (!eat(text, "{")) return lacks();
  if (!eat(text, "\"name\"")) return key_open(text, "\"name\"") ? Read::open : Read::wrong;
  if (!eat(text, ":")) return lacks();
  text = without_space(text);
  if (!text.starts_with('"')) return lacks();
  const std::size_t name_end = end_of_text(text);
  if (name_end == std::string_view::npos) return Read::open;
  const json name = json::parse(text.substr(0, name_end), nullptr, false);
  if (!name.is_string()) return Read::wrong;
  text.remove_prefix(name_end);
  if (!eat(text, ",")) return lacks();
  if (!eat(text, "\"arguments\"")) {
    return key_open(text, "\"arguments\"") ? Read::open : Read::wrong;
  }
  if (!eat(text, ":")) return lacks();
  text = without_space(text);
  if (!text.starts_with('{')) return lacks();
  call.name = name.get<std::string>();
  const std::size_t end = end_of_object(text);
  call.arguments = text.substr(0, end);
  if (end == std::string_view::npos) return Read::open;
  text.remove_prefix(end);
  if (!eat(text, "}")) return lacks();
  if (!eat(text, kEnd)) return Read::open;
  return Read::whole;
}

// What may not be shown yet: the beginning of a tag, and white space before it.
std::string_view sure_content(std::string_view text) {
  for (std::size_t size = std::min(kBegin.size() - 1, text.size()); size > 0; --size) {
    if (text.ends_with(kBegin.substr(0, size))) {
      text.remove_suffix(size);
      break;
    }
  }
  return without_end_space(text);
}

bool more_calls(const Answer& answer) { return answer.calls.size() < kMaxCalls; }

Result<Ordered> calls_schema(std::span<const ToolDefinition> tools, const std::string& place) {
  Ordered calls = Ordered::array();
  for (const ToolDefinition& tool : tools) {
    const Status checked =
        tool.parameters.empty()
            ? Status{}
            : check_schema(tool.parameters, tool.strict ? Enforce::all : Enforce::what_can_be);
    Result<Ordered> schema = checked ? parameters_of(tool) : fail(Error(checked.error()));
    if (!schema) {
      return fail(Errc::invalid_argument, "The tool \"{}\": {}", tool.name, schema.error().message);
    }
    move_references(*schema, fmt::format("{}/anyOf/{}/properties/arguments", place, calls.size()));
    calls.push_back(
        {{"type", "object"},
         {"properties", {{"name", {{"const", tool.name}}}, {"arguments", std::move(*schema)}}},
         {"required", {"name", "arguments"}},
         {"additionalProperties", false}});
  }
  return Ordered{{"anyOf", std::move(calls)}};
}

// Rules up to what the root begins with: "call", or several of them.
std::string call_rules(std::string_view call, bool parallel) {
  const std::string more =
      parallel ? fmt::format(" (call-space call){{0,{}}}", kMaxCalls - 1) : std::string();
  return "call-space ::= [ \\t\\r\\n]{0,4}\n" +
         fmt::format("call ::= \"{}\" call-space {} call-space \"{}\"\n", kBegin, call, kEnd) +
         "root ::= call" + more;
}

}  // namespace

std::vector<ChatMessage> with_told_tools(const ChatRequest& request) {
  std::vector<ChatMessage> told;
  const bool tell = !request.tools.empty() && request.choice != ToolChoice::none;
  const bool has_system = !request.messages.empty() && request.messages.front().role == "system";
  if (tell && !has_system) told.push_back({"system", instructions_for(request)});
  for (const ChatMessage& message : request.messages) add_told(told, message);
  if (tell && has_system) told.front().content += "\n\n" + instructions_for(request);
  return told;
}

Result<std::string> call_schema(std::span<const ToolDefinition> tools) {
  ACCEL_TRY(const Ordered calls, calls_schema(tools, "#"));
  return text_of(calls);
}

Result<std::string> call_or_answer_schema(std::span<const ToolDefinition> tools,
                                          std::string_view answer) {
  ACCEL_TRY(Ordered calls, calls_schema(tools, "#/anyOf/0"));
  ACCEL_CHECK(check_ordered_json(answer, "The JSON Schema"));
  Ordered schema = Ordered::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!schema.is_object())
    return fail(Errc::invalid_argument, "A JSON Schema of an answer must be a JSON object.");
  move_references(schema, "#/anyOf/1");
  Ordered either = Ordered::array();
  either.push_back(std::move(calls));
  either.push_back(std::move(schema));
  return text_of(Ordered{{"anyOf", std::move(either)}});
}

std::string tagged_grammar(const std::string& rules, bool parallel) {
  return rules + call_rules("response-format", parallel) + "\n";
}

Result<std::string> tagged_or_json_grammar(const std::string& rules, bool parallel) {
  constexpr std::string_view kCall = "response-format-schema-0";
  constexpr std::string_view kAnswer = "response-format-schema-1";
  for (const std::string_view rule : {kCall, kAnswer}) {
    if (rules.find(fmt::format("{} ::= ", rule)) != std::string::npos) continue;
    return fail(Errc::unsupported, "llama.cpp's grammar tells a call and an answer not apart.");
  }
  return fmt::format("{}{} | {}\n", rules, call_rules(kCall, parallel), kAnswer);
}

// A tag without a brace is prose about tags. The white space is bounded: the expression recurses.
std::string tagged_trigger() { return fmt::format("({})[ \\t\\r\\n]{{0,4}}\\{{", kBegin); }

Answer TaggedCalls::read(std::string_view text, bool partial) const {
  Answer answer;
  answer.content = partial ? sure_content(text) : text;
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos && more_calls(answer);
       at = text.find(kBegin, at)) {
    const std::string_view before = text.substr(0, at);
    at += kBegin.size();
    std::string_view rest = text.substr(at);
    ToolCall call;
    const Read read = read_call(rest, call);
    const bool named = !call.name.empty();
    const bool undecided = read == Read::open && partial && !named;
    if (answer.calls.empty() && (named || undecided)) answer.content = without_end_space(before);
    if (named) answer.calls.push_back(std::move(call));
    if (read == Read::open) break;
  }
  return answer;
}

Answer TaggedCallsOrJson::read(std::string_view text, bool partial) const {
  const std::string_view begin = without_space(text);
  if (begin.starts_with(kBegin)) return calls_.read(text, partial);
  if (partial && kBegin.starts_with(begin)) return {};  // It may become a call.
  return {std::string(text), {}};
}

}  // namespace accel::inference::llama
