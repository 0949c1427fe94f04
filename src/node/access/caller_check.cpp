// SPDX-License-Identifier: Apache-2.0
#include "access/caller_check.hpp"

#include <algorithm>

#include "accel/security/role.hpp"
#include "serving/draft_wish.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using security::Role;

constexpr std::string_view kText = "text.generate";

}  // namespace

Status check_caller(const Caller& caller, std::string_view method, const json& params) {
  if (caller.role == Role::admin && !caller.key) return {};
  ACCEL_CHECK(caller.may_call(method));
  if (!params.is_object()) return {};
  for (const auto& [name, value] : params.items()) {
    if (!value.is_null()) ACCEL_CHECK(caller.may_name(method, name));
  }
  // A draft model is loaded as any other is.
  const auto draft = params.find("draft");
  if (method == kText && draft != params.end() && draft->is_string() && *draft != kDraftLookup &&
      *draft != kDraftNone && *draft != "") {
    ACCEL_CHECK(caller.may_run(draft->get_ref<const std::string&>()));
  }
  const auto model = params.find("model");
  if (model == params.end() || !model->is_string()) return {};
  // A name means another model at an endpoint: such a one is listed with it.
  std::string name = model->get<std::string>();
  const auto endpoint = params.find("endpoint");
  if (endpoint != params.end() && endpoint->is_string() && *endpoint != "")
    name += "@" + endpoint->get<std::string>();
  return caller.may_run(name);
}

void keep_own_models(const Caller& caller, std::string_view method, json& result) {
  const bool limited = caller.key && !caller.key->key.models.empty();
  if (!limited || !(method == "models.list" || method == "models.loaded")) return;
  json own = json::array();
  for (json& row : result.at("models")) {
    const auto name = row.find("name");
    if (name != row.end() && name->is_string() &&
        caller.may_run(name->get_ref<const std::string&>())) {
      own.push_back(std::move(row));
    }
  }
  result["models"] = std::move(own);
}

CountedEvents::CountedEvents(const EventSink& on_event, const Caller& caller)
    : on_event_(on_event) {
  if (!caller.key || !on_event) return;
  counting_ = [this](const Event& event) {
    if (event.progress == nullptr) ++count_;
    on_event_(event);
  };
}

std::uint64_t tokens_of(std::string_view method, const Result<json>& result, std::uint64_t pieces) {
  if (!result) return method == kText ? pieces : 0;
  if (security::least_role(method) != Role::inference) return 0;
  const auto count = [&](const char* name) -> std::uint64_t {
    const auto found = result->find(name);
    const bool known = found != result->end() && found->is_number_integer();
    return known ? static_cast<std::uint64_t>(std::max<std::int64_t>(found->get<std::int64_t>(), 0))
                 : 0;
  };
  if (const std::uint64_t tokens = count("tokens"); tokens > 0) return tokens;
  // Of an endpoint: what it reports, or else the pieces that it sent.
  return std::max(count("prompt_tokens") + count("completion_tokens"),
                  method == kText ? pieces : 0);
}

}  // namespace accel::node
