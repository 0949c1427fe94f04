// SPDX-License-Identifier: Apache-2.0
#include "protocols/protocol.hpp"

#include <algorithm>
#include <cmath>

#include "accel/core/json.hpp"
#include "protocols/tools.hpp"

namespace accel::server {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxMessages = 4096;
constexpr std::size_t kMaxShownName = 64;
constexpr std::size_t kUsualMembers = 8;  // Of an object, mostly.
constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool"};

std::string_view openai_type(Errc code) {
  switch (code) {
    case Errc::unauthenticated:
      return "authentication_error";
    case Errc::permission_denied:
      return "permission_error";
    case Errc::resource_exhausted:
      return "rate_limit_error";
    case Errc::invalid_argument:
    case Errc::not_found:
    case Errc::unsupported:
      return "invalid_request_error";
    default:
      return "server_error";
  }
}

Error not_supported(std::string_view name) {
  return {Errc::unsupported,
          fmt::format("\"{}\" is not supported here.", name.substr(0, kMaxShownName)),
          {}};
}

Result<std::string> content_of(const json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array())
    return fail(Errc::invalid_argument, "The content of a message must be a text or its parts.");
  for (const json& part : content) {
    if (!part.is_object() || part.value("type", json()) != "text" || !part.contains("text") ||
        !part.at("text").is_string()) {
      return fail(Errc::unsupported, "Only parts of type \"text\" can be read in a message.");
    }
    text += part.at("text").get_ref<const std::string&>();
  }
  return text;
}

// Clients send answers back as they got them, with empty lists and texts for what there was not.
Status check_members(const json& message) {
  const bool tool = message.at("role") == "tool";
  for (const auto& [name, value] : message.items()) {
    const bool of_tool = name == "tool_call_id" || name == "tool_name" || name == "name";
    const bool read =
        name == "role" || name == "content" || name == "tool_calls" || (tool && of_tool);
    const bool says_nothing = value.is_string() ? value == "" : value.empty();
    if (!read && !says_nothing) return fail(not_supported(name));
  }
  return {};
}

// What a tool says besides its words: which call it answers, or which function.
Status read_tool(const json& message, const std::string& place, json& into) {
  for (const char* name : {"tool_call_id", "tool_name", "name"}) {
    const json value = message.value(name, json());
    if (value.is_null()) continue;
    if (!value.is_string())
      return fail(Errc::invalid_argument, "{}.{} must be a text.", place, name);
    into[std::string_view(name) == "name" ? "tool_name" : name] = value;
  }
  return {};
}

Result<json> message_of(const json& message, std::size_t index) {
  const std::string place = fmt::format("messages[{}]", index);
  ACCEL_CHECK(check_members(message));
  ACCEL_TRY(json calls, calls_of(message, index));
  json result{{"role", message.at("role")}, {"content", ""}};
  const json content = message.value("content", json());
  if (content.is_null() && calls.empty())
    return fail(Errc::invalid_argument, "Each message must have a role and a content: {} has none.",
                place);
  if (!content.is_null()) {
    ACCEL_TRY(result["content"], content_of(content));
  }
  if (!calls.empty()) result["tool_calls"] = std::move(calls);
  if (message.at("role") == "tool") ACCEL_CHECK(read_tool(message, place, result));
  return result;
}

}  // namespace

Result<std::optional<Priority>> take_priority(json& object) {
  const auto found = object.find("priority");
  if (found == object.end()) return std::nullopt;
  const json level = *found;
  object.erase(found);
  if (level.is_null() || level == 0) return std::nullopt;
  if (level == 1 || level == 2 || level == 3) return static_cast<Priority>(level.get<int>());
  return fail(Errc::invalid_argument,
              "\"priority\" must be 1 (high), 2 (normal) or 3 (low); 0 says none.");
}

Result<std::optional<Priority>> priority_of(const net::Headers& headers) {
  const auto header = headers.get("X-Priority");
  if (!header) return std::nullopt;
  json said{{"priority", header->size() == 1 ? json(header->front() - '0') : json(-1)}};
  return take_priority(said);
}

json explanation(const json& result) {
  json told{{"batches", result.value("batches", json::array())},
            {"cached", result.value("cached", json(0))}};
  for (const char* name : {"priority", "fell_back"}) {
    if (result.contains(name)) told[name] = result.at(name);
  }
  return told;
}

Error too_long(const json& result) {
  const json cut = result.value("cut", json::array());
  if (cut.empty())
    return {Errc::invalid_argument, "An input has more tokens than the model takes.", {}};
  const json& first = cut.front();
  const std::string tokens = first.contains("tokens")
                                 ? fmt::format("{} tokens, more than", first.at("tokens").dump())
                                 : "more tokens than";
  const std::string all =
      cut.size() > 1 ? fmt::format(" Of the inputs, {} are too long.", cut.size()) : "";
  return {Errc::invalid_argument,
          fmt::format("The input with the index {} has {} the {} that the model takes.{}",
                      first.at("input").dump(), tokens, first.at("limit").dump(), all),
          {}};
}

json error_body(Protocol protocol, const Error& error) {
  if (protocol != Protocol::openai) return {{"error", error.message}};
  return {{"error",
           {{"message", error.message},
            {"type", openai_type(error.code)},
            {"param", nullptr},
            {"code", errc_name(error.code)}}}};
}

const json* BodyReader::find(std::string_view name) {
  if (known_.empty()) known_.reserve(kUsualMembers);
  known_.push_back(name);
  const auto found = body_->find(name);
  return found == body_->end() || found->is_null() ? nullptr : &*found;
}

void BodyReader::refuse(Errc code, std::string message) {
  if (status_) status_ = fail(Error{code, std::move(message), {}});
}

std::string BodyReader::text(const char* name, std::string fallback) {
  const json* const value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_string()) return value->get<std::string>();
  refuse(Errc::invalid_argument, fmt::format("\"{}\" must be a text.", name));
  return fallback;
}

std::string BodyReader::required_text(const char* name) {
  std::string value = text(name, {});
  if (value.empty()) refuse(Errc::invalid_argument, fmt::format("\"{}\" is needed.", name));
  return value;
}

bool BodyReader::flag(const char* name, bool fallback) {
  const json* const value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  refuse(Errc::invalid_argument, fmt::format("\"{}\" must be true or false.", name));
  return fallback;
}

void BodyReader::number(const char* name, json& into, const char* as) {
  const json* const value = find(name);
  if (value == nullptr) return;
  if (!value->is_number())
    return refuse(Errc::invalid_argument, fmt::format("\"{}\" must be a number.", name));
  into[as] = *value;
}

void BodyReader::integer(const char* name, json& into, const char* as) {
  const json* const value = find(name);
  if (value == nullptr) return;
  if (value->is_number_integer()) {
    into[as] = *value;
    return;
  }
  // Some clients write whole numbers as 4.0; beyond 2^53 such a one may have been another.
  const double number = value->is_number_float() ? value->get<double>() : 0.5;
  if (std::trunc(number) != number || std::abs(number) > 0x1p53)
    return refuse(Errc::invalid_argument, fmt::format("\"{}\" must be a whole number.", name));
  into[as] = static_cast<std::int64_t>(number);
}

void BodyReader::within(const char* name, double low, double high) {
  const json* const value = find(name);
  if (value == nullptr || !value->is_number()) return;
  const auto number = value->get<double>();
  if (number >= low && number <= high) return;
  refuse(Errc::invalid_argument, fmt::format("\"{}\" must be between {} and {}.", name, low, high));
}

std::vector<std::string> BodyReader::texts(const char* name) {
  const json* const value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  std::vector<std::string> list;
  bool good = value->is_array();
  for (const json& item : good ? *value : json::array()) {
    good = good && item.is_string();
    if (good) list.push_back(item.get<std::string>());
  }
  if (good) return list;
  refuse(Errc::invalid_argument, fmt::format("\"{}\" must be a text or a list of texts.", name));
  return {};
}

const json* BodyReader::object(const char* name) {
  const json* const value = find(name);
  if (value == nullptr || value->is_object()) return value;
  refuse(Errc::invalid_argument, fmt::format("\"{}\" must be an object.", name));
  return nullptr;
}

void BodyReader::only(const char* name, const json& harmless) {
  const json* const value = find(name);
  if (value == nullptr || *value == harmless) return;
  if (status_) status_ = fail(not_supported(name));
}

void BodyReader::allow(std::span<const std::string_view> names) {
  if (known_.empty()) known_.reserve(std::max(kUsualMembers, names.size()));
  known_.insert(known_.end(), names.begin(), names.end());
}

Status BodyReader::finish() {
  for (const auto& [name, value] : body_->items()) {
    if (!status_) break;
    if (!value.is_null() && std::ranges::find(known_, name) == known_.end())
      status_ = fail(not_supported(name));
  }
  return status_;
}

Result<json> schema_text(std::string_view body, const char* pointer, const json& parsed) {
  ACCEL_CHECK(check_ordered_json(body, "The body"));
  using Ordered = nlohmann::ordered_json;
  const auto text = [](const auto& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  const Ordered::json_pointer place(pointer);
  const Ordered ordered = Ordered::parse(body, nullptr, /*allow_exceptions=*/false);
  const bool found = !ordered.is_discarded() && ordered.contains(place);
  return found ? text(ordered.at(place)) : text(parsed);
}

Result<json> messages_of(const json& body) {
  const auto found = body.find("messages");
  if (found == body.end() || !found->is_array() || found->empty() || found->size() > kMaxMessages)
    return fail(Errc::invalid_argument, "\"messages\" must be a list of 1 to {} messages.",
                kMaxMessages);
  json messages = json::array();
  for (const json& message : *found) {
    if (!message.is_object() || !message.contains("role") || !message.at("role").is_string()) {
      return fail(Errc::invalid_argument, "Each message must have a role and a content.");
    }
    if (std::ranges::find(kRoles, message.at("role").get_ref<const std::string&>()) ==
        std::end(kRoles)) {
      return fail(Errc::invalid_argument, "The role of a message must be one of {}.",
                  fmt::join(kRoles, ", "));
    }
    ACCEL_TRY(json read, message_of(message, messages.size()));
    messages.push_back(std::move(read));
  }
  return messages;
}

}  // namespace accel::server
