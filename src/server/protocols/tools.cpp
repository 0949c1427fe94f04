// SPDX-License-Identifier: Apache-2.0
#include "protocols/tools.hpp"

#include <algorithm>

#include "accel/core/json.hpp"

namespace accel::server {
namespace {

using nlohmann::json;
using Ordered = nlohmann::ordered_json;

constexpr std::size_t kMaxTools = 4096;  // What is looked at; the node takes fewer.

template <class Json>
std::string dumped(const Json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

tl::unexpected<Error> refused(const std::string& place, std::string_view must) {
  return fail(Errc::invalid_argument, "{} must be {}.", place, must);
}

bool is_text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string();
}

bool is_absent(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null();
}

// {"type": "function", "function": {…}}, as tools, calls and choices are.
Result<json> function_of(const json& item, const std::string& place) {
  if (!item.is_object()) return refused(place, "an object");
  if (item.value("type", json("function")) != "function")
    return fail(Errc::unsupported, "{}.type: only \"function\" is supported.", place);
  const auto found = item.find("function");
  if (found == item.end() || !found->is_object()) return refused(place + ".function", "an object");
  if (!is_text(*found, "name")) return refused(place + ".function.name", "a text");
  return *found;
}

Result<json> tool_of(const json& item, const std::string& place) {
  constexpr std::string_view kKnown[] = {"name", "description", "parameters", "strict"};
  ACCEL_TRY(json function, function_of(item, place));
  for (const auto& [name, value] : function.items()) {
    if (!value.is_null() && std::ranges::find(kKnown, name) == std::end(kKnown))
      return fail(Errc::unsupported, "{}.function: \"{}\" is not supported here.", place,
                  name.substr(0, 64));
  }
  if (!is_absent(function, "description") && !is_text(function, "description"))
    return refused(place + ".function.description", "a text");
  if (!is_absent(function, "parameters") && !function.at("parameters").is_object())
    return refused(place + ".function.parameters", "an object: a JSON Schema");
  if (!is_absent(function, "strict") && !function.at("strict").is_boolean())
    return refused(place + ".function.strict", "true or false");
  return function;
}

// "auto", "none", "required", or {"type": "function", "function": {"name"}}.
Result<json> choice_of(const json& choice) {
  if (choice == "auto" || choice == "none" || choice == "required") return choice;
  if (!choice.is_object())
    return refused("tool_choice", "\"auto\", \"none\", \"required\" or a function's name");
  ACCEL_TRY(const json function, function_of(choice, "tool_choice"));
  return json{{"name", function.at("name")}};
}

// The schemas in the order of their members, where the body as it came has them.
Status put_schemas(std::string_view text, json& tools) {
  ACCEL_CHECK(check_ordered_json(text, "The body"));
  const Ordered body = Ordered::parse(text, nullptr, /*allow_exceptions=*/false);
  for (std::size_t i = 0; i < tools.size(); ++i) {
    json& tool = tools[i];
    if (is_absent(tool, "parameters")) continue;
    const Ordered::json_pointer place(fmt::format("/tools/{}/function/parameters", i));
    const bool found = !body.is_discarded() && body.contains(place);
    tool["parameters"] = found ? dumped(body.at(place)) : dumped(tool.at("parameters"));
  }
  return {};
}

}  // namespace

Status read_tools(const json& body, std::string_view text, json& params) {
  const json choice = body.value("tool_choice", json());
  const json parallel = body.value("parallel_tool_calls", json());
  const json tools = body.value("tools", json());
  if (!tools.is_null() && !tools.is_array()) return refused("\"tools\"", "a list");
  if (!parallel.is_null() && !parallel.is_boolean())
    return refused("\"parallel_tool_calls\"", "true or false");
  if (tools.empty()) {
    const bool harmless = choice.is_null() || choice == "auto" || choice == "none";
    return harmless ? Status{} : refused("\"tool_choice\"", "left out without \"tools\"");
  }
  if (tools.size() > kMaxTools)
    return fail(Errc::invalid_argument, "\"tools\": {} are too many.", tools.size());
  json list = json::array();
  for (const json& item : tools) {
    ACCEL_TRY(json tool, tool_of(item, fmt::format("tools[{}]", list.size())));
    list.push_back(std::move(tool));
  }
  ACCEL_CHECK(put_schemas(text, list));
  params["tools"] = std::move(list);
  if (!parallel.is_null()) params["parallel_tool_calls"] = parallel;
  if (!choice.is_null()) {
    ACCEL_TRY(params["tool_choice"], choice_of(choice));
  }
  return {};
}

Result<json> calls_of(const json& message, std::size_t index) {
  json calls = json::array();
  const json list = message.value("tool_calls", json());
  if (list.is_null()) return calls;
  const std::string place = fmt::format("messages[{}].tool_calls", index);
  if (!list.is_array()) return refused(place, "a list");
  for (const json& item : list) {
    const std::string at = fmt::format("{}[{}]", place, calls.size());
    ACCEL_TRY(const json function, function_of(item, at));
    const json id = item.value("id", json());
    if (!id.is_null() && !id.is_string()) return refused(at + ".id", "a text");
    const json arguments = function.value("arguments", json::object());
    if (!arguments.is_string() && !arguments.is_object())
      return refused(at + ".function.arguments", "a JSON object, or its text");
    calls.push_back({{"id", id.is_null() ? json("") : id},
                     {"name", function.at("name")},
                     {"arguments", arguments.is_string() ? arguments : json(dumped(arguments))}});
  }
  return calls;
}

std::vector<json> parts_of(std::string_view lines) {
  std::vector<json> parts;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    json part = json::parse(lines.substr(0, end), nullptr, /*allow_exceptions=*/false);
    if (part.is_object()) parts.push_back(std::move(part));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return parts;
}

}  // namespace accel::server
